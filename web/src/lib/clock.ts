import { useEffect, useState } from 'react'

// The PC's clock may be wrong; the server's answers say by how much. One value for the page is enough.
let skew = 0

/** Takes a server time (RFC 3339) that has just arrived. */
export function learnServerTime(serverTime: string | undefined, now = Date.now()): void {
  const at = serverTime ? Date.parse(serverTime) : NaN
  if (!Number.isNaN(at)) skew = at - now
}

/** Now, as the server sees it. Units: milliseconds since 1970. */
export const serverNow = () => Date.now() + skew

/** Whole seconds until a moment; 0 when it has passed or is not known. */
export function secondsUntil(at: string | undefined, now: number): number {
  const left = at ? Date.parse(at) - now : 0
  return left > 0 ? Math.ceil(left / 1000) : 0
}

/** Counts down to a server time; it survives a reload because only the moment is kept, never the rest. */
export function useSecondsUntil(at: string | undefined): number {
  const [left, setLeft] = useState(() => secondsUntil(at, serverNow()))
  useEffect(() => {
    const tick = () => setLeft(secondsUntil(at, serverNow()))
    tick()
    const timer = setInterval(() => {
      tick()
      if (secondsUntil(at, serverNow()) === 0) clearInterval(timer)
    }, 250)
    return () => clearInterval(timer)
  }, [at])
  return left
}
