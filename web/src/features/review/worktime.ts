import type { Schema } from '@/api/client'

/** Office hours in China, in which a review's clock runs. Source: S002-58, and api/ra/calendar.go, which sets the due times. */
const opens = 9
const closes = 18
const zone = 8 * 3_600_000 // China has one time zone and no summer time
const dayLong = 86_400_000
const longest = 400

export type Workdays = ReadonlyMap<string, boolean>

export const workdays = (days: readonly Schema<'Holiday'>[]): Workdays => new Map(days.map(({ date, working }) => [date, working]))

/** Whether the day that begins at a China midnight is worked. */
function isWorked(midnight: number, special: Workdays): boolean {
  const day = new Date(midnight + zone)
  return special.get(day.toISOString().slice(0, 10)) ?? (day.getUTCDay() !== 0 && day.getUTCDay() !== 6)
}

/** Working time between two moments; 0 when the second is past. Units: milliseconds. */
export function workingTime(from: number, to: number, special: Workdays): number {
  let sum = 0
  let midnight = Math.floor((from + zone) / dayLong) * dayLong - zone
  for (let look = 0; midnight < to && look < longest; look++, midnight += dayLong) {
    if (!isWorked(midnight, special)) continue
    const begin = Math.max(from, midnight + opens * 3_600_000)
    const end = Math.min(to, midnight + closes * 3_600_000)
    sum += Math.max(0, end - begin)
  }
  return sum
}

export type Urgency = 'late' | 'soon' | 'calm'

/** Red once overdue, amber in the last four working hours. Source: product.md §4. */
export const urgencyOf = (left: number, overdue: boolean): Urgency => (overdue ? 'late' : left < 4 * 3_600_000 ? 'soon' : 'calm')
