import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import type { Schema } from '@/api/client'
import { batchQuery, renewOne, type BatchItem, type Phase } from './batch'

export interface Step {
  certificateId: string
  serialHex: string
  phase: Phase
}

export interface Planned {
  item: BatchItem
  target: Schema<'JobTarget'>
}

/** Renews certificates one after the other; one that fails says why, and the next is taken all the same. */
export function useBatchRun(batchId: string) {
  const client = useQueryClient()
  const [step, setStep] = useState<Step | null>(null)
  const [problems, setProblems] = useState<Readonly<Record<string, unknown>>>({})
  const [stopping, setStopping] = useState(false)
  const stop = useRef(false)
  const left = useRef<AbortController | null>(null)
  useEffect(() => () => left.current?.abort(), [])

  const run = async (planned: readonly Planned[]) => {
    const leave = new AbortController()
    left.current = leave
    stop.current = false
    setStopping(false)
    setProblems({})
    for (const { item, target } of planned) {
      if (stop.current || leave.signal.aborted) break
      const { id, serialHex } = item.certificate
      const tell = (phase: Phase) => setStep({ certificateId: id, serialHex, phase })
      tell('sign')
      try {
        await renewOne(item, target, tell, leave.signal)
      } catch (error) {
        if (leave.signal.aborted) return
        setProblems((old) => ({ ...old, [id]: error }))
      }
      await client.invalidateQueries({ queryKey: batchQuery(batchId).queryKey })
    }
    if (leave.signal.aborted) return
    setStep(null)
    setStopping(false)
    for (const queryKey of [['certificates'], ['applications'], ['services'], ['keys'], ['renewals']]) void client.invalidateQueries({ queryKey })
  }
  return {
    step,
    problems,
    stopping,
    run: (planned: readonly Planned[]) => void run(planned),
    stop: () => {
      stop.current = true
      setStopping(true)
    },
  }
}
