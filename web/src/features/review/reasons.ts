import type { Reason } from './queries'

/** The coded reasons, those about files first. */
export const reviewReasons: readonly Reason[] = [
  'material_missing', 'material_unclear', 'material_wrong', 'stamp_missing', 'data_mismatch', 'identity_unproved', 'sealed_bids', 'duplicate', 'not_eligible', 'other',
]
