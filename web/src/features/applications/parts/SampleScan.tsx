interface Props {
  alt: string
  good: string
  bad: string
  text: string
}

/** A drawing of a good scan and a bad one. Made up: it shows nobody's document and nobody's seal. */
export function SampleScan({ alt, good, bad, text }: Props) {
  return (
    <figure className="sample" style={{ margin: 0 }}>
      <svg viewBox="0 0 520 330" role="img" aria-label={alt}>
        <rect width="520" height="330" fill="#eef2f8" />
        <g>
          <rect x="40" y="24" width="190" height="252" fill="#fff" stroke="#94a3b8" />
          <Page text={text} x={40} y={24} />
        </g>
        <clipPath id="cut"><rect x="290" y="24" width="190" height="252" /></clipPath>
        <g clipPath="url(#cut)">
          <rect x="290" y="24" width="190" height="252" fill="#dcd6c8" />
          <g transform="rotate(14 385 150) translate(34 46)">
            <rect x="290" y="24" width="190" height="252" fill="#f4f0e6" stroke="#94a3b8" />
            <g opacity="0.45"><Page text={text} x={290} y={24} /></g>
          </g>
          <path d="M290 276 L480 120 L480 276 Z" fill="#000" opacity="0.35" />
        </g>
        <text x="135" y="306" textAnchor="middle" fontSize="18" fill="#1d6331">✓ {good}</text>
        <text x="385" y="306" textAnchor="middle" fontSize="18" fill="#9b1c22">✕ {bad}</text>
      </svg>
    </figure>
  )
}

function Page({ text, x, y }: { text: string; x: number; y: number }) {
  return (
    <g transform={`translate(${x} ${y})`}>
      <rect x="50" y="20" width="90" height="12" fill="#1f2937" />
      {[52, 72, 92, 112, 132].map((at, n) => <rect key={at} x="22" y={at} width={n === 4 ? 90 : 146} height="6" fill="#64748b" />)}
      <rect x="22" y="196" width="60" height="6" fill="#64748b" />
      <path d="M28 222 q8 -16 14 0 t14 -2 t16 -6" fill="none" stroke="#1f2937" strokeWidth="2" />
      <circle cx="132" cy="200" r="30" fill="none" stroke="#c0282d" strokeWidth="3" />
      <text x="132" y="205" textAnchor="middle" fontSize="14" fill="#c0282d">{text}</text>
    </g>
  )
}
