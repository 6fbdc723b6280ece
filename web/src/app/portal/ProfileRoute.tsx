import { ProfilePage } from '@/features/accounts/pages/ProfilePage'
import { Factors } from '@/features/factors/parts/Factors'

/** 我的信息 with the second factors, which staff set in their own page too. */
export function ProfileRoute() {
  return <ProfilePage factors={<Factors />} />
}
