// Package content keeps what staff write for holders to read and to go by: projects with their prices and rules, holidays, the texts of
// notices, the service agreement. One person drafts, another publishes, every published version stays readable, and what came
// into effect some other way is noted as a version too.
//
// It refuses to publish what its author publishes, what changed under a draft, and documents that the owner of a kind refuses.
// It knows no kind by itself: where a document takes effect, and what may be in it, says a [Source] of the package that owns it.
package content
