/** How a file is shown. Shape: turn in degrees clockwise, a multiple of 90; page from 1. */
export interface View {
  zoom: number
  turn: number
  page: number
}

export const straight: View = { zoom: 1, turn: 0, page: 1 }
const steps = [0.5, 0.75, 1, 1.5, 2, 3, 4] as const

/** One step nearer or farther, within bounds. */
export function zoomed(view: View, way: 1 | -1): View {
  const at = steps.findIndex((zoom) => zoom >= view.zoom)
  return { ...view, zoom: steps[Math.min(steps.length - 1, Math.max(0, at + way))] ?? 1 }
}

export const turned = (view: View, way: 1 | -1): View => ({ ...view, turn: (view.turn + way * 90 + 360) % 360 })

/** The next page or the one before, within the file. */
export const paged = (view: View, way: 1 | -1, pages: number): View => ({ ...view, page: Math.min(Math.max(1, pages), Math.max(1, view.page + way)) })
