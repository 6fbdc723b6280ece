package cryptoki

import (
	"encoding/binary"
	"runtime"
	"strconv"
)

// Attr is one attribute of an object.
//
// Shape: Value as the module has it in memory; numbers and booleans through Number, Bool and their readers.
type Attr struct {
	Type  uint
	Value []byte
}

// ulongSize is sizeof(CK_ULONG), an unsigned long.
func ulongSize() int {
	if runtime.GOOS == "windows" {
		return 4
	}
	return strconv.IntSize / 8
}

// Number is an attribute of type CK_ULONG.
func Number(typ, v uint) Attr {
	b := make([]byte, 8)
	if ulongSize() == 4 {
		binary.NativeEndian.PutUint32(b, uint32(v))
		return Attr{typ, b[:4]}
	}
	binary.NativeEndian.PutUint64(b, uint64(v))
	return Attr{typ, b}
}

// Bool is an attribute of type CK_BBOOL.
func Bool(typ uint, v bool) Attr {
	if v {
		return Attr{typ, []byte{1}}
	}
	return Attr{typ, []byte{0}}
}

// Bytes is an attribute of bytes.
func Bytes(typ uint, v []byte) Attr { return Attr{typ, v} }

// Text is an attribute of UTF-8 characters.
func Text(typ uint, v string) Attr { return Attr{typ, []byte(v)} }

// Value finds an attribute in a list. Nil/zero: nil when it is not there.
func Value(attrs []Attr, typ uint) []byte {
	for _, a := range attrs {
		if a.Type == typ {
			return a.Value
		}
	}
	return nil
}

// NumberIn reads a CK_ULONG out of a list; false when it is not there or of another length.
func NumberIn(attrs []Attr, typ uint) (uint, bool) {
	v := Value(attrs, typ)
	switch {
	case len(v) != ulongSize():
		return 0, false
	case len(v) == 4:
		return uint(binary.NativeEndian.Uint32(v)), true
	}
	return uint(binary.NativeEndian.Uint64(v)), true
}

// BoolIn reads a CK_BBOOL out of a list. Nil/zero: false when it is not there.
func BoolIn(attrs []Attr, typ uint) bool {
	v := Value(attrs, typ)
	return len(v) == 1 && v[0] != 0
}
