import { moment } from '@/lib/time'

/** From … to …, broken only between the two. */
export function Period({ from, to, word }: { from: string; to: string; word: string }) {
  return (
    <>
      <span style={{ whiteSpace: 'nowrap' }}>{moment(from)} {word}</span> <span style={{ whiteSpace: 'nowrap' }}>{moment(to)}</span>
    </>
  )
}
