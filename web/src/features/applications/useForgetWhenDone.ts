import { useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import type { Schema } from '@/api/client'

/** A finished application has changed what other pages show. */
export function useForgetWhenDone(state: Schema<'ApplicationState'>) {
  const client = useQueryClient()
  useEffect(() => {
    if (state !== 'completed') return
    for (const queryKey of [['certificates'], ['services'], ['profile'], ['session'], ['keys']]) void client.invalidateQueries({ queryKey })
  }, [state, client])
}
