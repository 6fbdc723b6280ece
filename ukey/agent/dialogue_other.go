//go:build !windows

package agent

// NativeDialogue asks with windows of this system: by a pinentry that can open one. NoDialogue where none is installed.
func NativeDialogue() Dialogue {
	if path := FindPinentry(); path != "" {
		return Pinentry{Path: path}
	}
	return NoDialogue{}
}
