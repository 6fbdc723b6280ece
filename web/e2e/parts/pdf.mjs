/** A PDF with a page for each text (Latin letters), as simple as one can be. */
export function pdf(texts) {
  const objects = ['<</Type/Catalog/Pages 2 0 R>>', `<</Type/Pages/Count ${texts.length}/Kids[${texts.map((_, n) => `${4 + 2 * n} 0 R`).join(' ')}]>>`, '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>']
  for (const text of texts) {
    const drawn = `BT /F1 36 Tf 72 720 Td (${text}) Tj ET`
    objects.push(`<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents ${objects.length + 2} 0 R>>`, `<</Length ${drawn.length}>>stream\n${drawn}\nendstream`)
  }
  let out = '%PDF-1.4\n'
  const at = objects.map((object, n) => {
    const place = out.length
    out += `${n + 1} 0 obj\n${object}\nendobj\n`
    return place
  })
  const xref = out.length
  out += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${at.map((place) => `${String(place).padStart(10, '0')} 00000 n \n`).join('')}`
  return Buffer.from(`${out}trailer\n<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${xref}\n%%EOF\n`)
}
