// Two small memories of the browser, so that a login leads back to where the person was.
const projectKey = 'signet.project'

/** The project whose page was last opened; its login panel is the one to come back to. */
export const lastProject = {
  read: () => localStorage.getItem(projectKey),
  keep: (slug: string) => localStorage.setItem(projectKey, slug),
}

/** The login page to go to when the session is gone. */
export function loginPath(): string {
  const slug = lastProject.read()
  return slug ? `/p/${encodeURIComponent(slug)}` : '/login'
}

/** A place inside the portal that was kept in history state; anything else is dropped. */
export function backFrom(state: unknown): string | null {
  if (typeof state !== 'object' || state === null || !('back' in state)) return null
  const back = state.back
  return typeof back === 'string' && /^\/((account|tools|admin)(\/|\?|$)|join#[\w-]+$)/.test(back) ? back : null
}
