import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { Schema } from '@/api/client'
import { addressQuery, saveAddress } from './queries'

export type Address = Schema<'Address'>
const empty: Address = { name: '', phone: '', region: '', street: '' }

/** Where a new key goes: what was saved before, under what is being typed. */
export function useAddress(applicationId: string, enabled: boolean) {
  const known = useQuery({ ...addressQuery(applicationId), enabled })
  const [typed, setTyped] = useState<Partial<Address>>({})
  const save = useMutation(saveAddress)
  const value: Address = { ...empty, ...known.data, ...typed }
  const lacking = (['name', 'phone', 'region', 'street'] as const).filter((name) => value[name].trim() === '')
  const store = async () => {
    if (Object.keys(typed).length > 0) await save.mutateAsync({ id: applicationId, address: value })
    setTyped({})
  }
  return { value, set: (change: Partial<Address>) => setTyped((old) => ({ ...old, ...change })), lacking, store, busy: save.isPending, error: save.error }
}

export type AddressState = ReturnType<typeof useAddress>
