/** What the page will send of a chosen file. */
export interface Prepared {
  file: Blob
  name: string
  /** Bytes before it was made smaller; the same where it was not. */
  before: number
}

/** Sides to try, longest first, each in falling quality: a page of A4 stays readable at 1600. */
const sides = [2600, 2000, 1600, 1200]
const qualities = [0.85, 0.7, 0.55]

/**
 * A picture that is at most so many bytes, as JPEG; one that fits already stays as it is, and so does what is no picture.
 * Turned as the camera was held, and without what the camera wrote beside it.
 *
 * Errors: 'unreadable' when the browser cannot open it; 'large' when even the smallest is too large.
 */
export async function shrink(file: File, most: number): Promise<Prepared> {
  const asIs = { file, name: file.name, before: file.size }
  if (!file.type.startsWith('image/')) return asIs
  if (file.size <= most && (file.type === 'image/jpeg' || file.type === 'image/png')) return asIs
  const picture = await createImageBitmap(file, { imageOrientation: 'from-image' }).catch(() => {
    throw new Error('unreadable')
  })
  try {
    for (const side of sides) {
      const scale = Math.min(1, side / Math.max(picture.width, picture.height))
      for (const quality of qualities) {
        const small = await drawn(picture, scale, quality)
        if (small && small.size <= most) return { file: small, name: file.name.replace(/\.\w+$/, '') + '.jpg', before: file.size }
      }
    }
  } finally {
    picture.close()
  }
  throw new Error('large')
}

function drawn(picture: ImageBitmap, scale: number, quality: number): Promise<Blob | null> {
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(picture.width * scale))
  canvas.height = Math.max(1, Math.round(picture.height * scale))
  const pen = canvas.getContext('2d')
  if (!pen) return Promise.resolve(null)
  pen.fillStyle = '#fff' // what is transparent would be black in JPEG
  pen.fillRect(0, 0, canvas.width, canvas.height)
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height)
  return new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', quality))
}
