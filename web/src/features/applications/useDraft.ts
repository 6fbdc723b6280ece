import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { Refusal } from '@/api/refusal'
import { serverNow } from '@/lib/clock'
import { cleaned, type FieldName } from './course'
import { applicationQuery, saveForm, type Application, type Form } from './queries'
import { useAddress } from './useAddress'

/** How long the keyboard rests before the draft is saved. Units: milliseconds. */
const restFor = 1_000

type Change = { [Name in FieldName]?: Form[Name] | undefined }

/** The form of a draft, saved by itself; what the server refuses is said at its field, once the person has left it. */
export function useDraft(application: Application, enabled: boolean) {
  const client = useQueryClient()
  const { id, kind, asked } = application
  const [form, setForm] = useState<Form>(application.form ?? {})
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set())
  const [savedAt, setSavedAt] = useState<number | null>(null)
  const last = useRef(JSON.stringify(cleaned(kind, application.form ?? {}, asked)))
  const save = useMutation({
    ...saveForm,
    onSuccess: (saved) => {
      client.setQueryData(applicationQuery(id).queryKey, saved)
      setSavedAt(serverNow())
    },
  })
  const text = JSON.stringify(cleaned(kind, form, asked))
  const { mutateAsync } = save
  const ships = form.delivery === 'ship'
  const address = useAddress(id, ships)
  const store = async () => {
    last.current = text
    await mutateAsync({ id, form: cleaned(kind, form, asked) })
    if (ships) await address.store()
  }
  useEffect(() => {
    if (!enabled || text === last.current) return
    const timer = setTimeout(() => {
      last.current = text
      mutateAsync({ id, form: JSON.parse(text) as Form }).catch(() => undefined) // said at its field, or when the step is left
    }, restFor)
    return () => clearTimeout(timer)
  }, [enabled, text, id, mutateAsync])
  const field = save.error instanceof Refusal ? save.error.field : null
  return {
    form,
    address,
    /** Is anything of the parcel's address still missing? */
    homeless: ships && address.lacking.length > 0,
    set: (change: Change) => setForm((old) => ({ ...old, ...change }) as Form), // an emptied field is not sent; see cleaned
    answer: (key: string, value: string) => setForm((old) => ({ ...old, extra: [...(old.extra ?? []).filter((one) => one.key !== key), { key, value }] })),
    leave: (name: string) => setLeft((old) => new Set(old).add(name)),
    left,
    store,
    saving: save.isPending || address.busy,
    savedAt,
    error: save.error,
    errorField: field,
  }
}

export type Draft = ReturnType<typeof useDraft>
