package path

// The most that one validation may cost. Each figure is many times what real hierarchies need; together they keep
// hostile input under a second or two.
const (
	maxSignatures = 200        // signature checks, the dear part
	maxSteps      = 20_000     // candidates looked at while building paths and looking for evidence
	maxPaths      = 100        // complete paths examined
	maxNameChecks = 250_000    // names held against name constraints
	maxEntries    = 20_000_000 // CRL entries read while looking for a serial
)

// budget counts what was spent. Once it is overdrawn it stays so, and the validation ends with TooComplex.
type budget struct {
	signatures, steps, paths, names, entries int
}

func (b *budget) spent() bool {
	return b.signatures > maxSignatures || b.steps > maxSteps || b.paths > maxPaths || b.names > maxNameChecks || b.entries > maxEntries
}
