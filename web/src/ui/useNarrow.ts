import { useSyncExternalStore } from 'react'

const query = '(max-width: 767px)'

function subscribe(changed: () => void) {
  const media = matchMedia(query)
  media.addEventListener('change', changed)
  return () => media.removeEventListener('change', changed)
}

/** Is this a phone's width: tables become cards, and key writing moves to a PC. */
export const useNarrow = () => useSyncExternalStore(subscribe, () => matchMedia(query).matches)
