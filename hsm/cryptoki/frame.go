package cryptoki

import (
	"encoding/binary"
	"fmt"
)

// op is a request's kind; some are several C_ functions in one.
type op uint8

const (
	opOpen op = iota + 1 // load, C_GetFunctionList, C_Initialize
	opInfo
	opSlots
	opMechanisms
	opMechanismInfo
	opInitToken
	opCloseAll
	opOpenSession
	opCloseSession
	opSessionInfo
	opLogin
	opLogout
	opInitPIN
	opSetPIN
	opFind
	opAttributes
	opSetAttributes
	opCreate
	opCopy
	opDestroy
	opGenerateKeyPair
	opGenerateKey
	opSign
	opEncrypt
	opDecrypt
	opDerive
	opWrap
	opUnwrap
	opRandom
	opLast
)

var opNames = [opLast]string{
	opOpen: "C_Initialize", opInfo: "C_GetInfo", opSlots: "C_GetSlotList", opMechanisms: "C_GetMechanismList",
	opMechanismInfo: "C_GetMechanismInfo", opInitToken: "C_InitToken", opCloseAll: "C_CloseAllSessions", opOpenSession: "C_OpenSession",
	opCloseSession: "C_CloseSession", opSessionInfo: "C_GetSessionInfo", opLogin: "C_Login", opLogout: "C_Logout", opInitPIN: "C_InitPIN",
	opSetPIN: "C_SetPIN", opFind: "C_FindObjects", opAttributes: "C_GetAttributeValue", opSetAttributes: "C_SetAttributeValue",
	opCreate: "C_CreateObject", opCopy: "C_CopyObject", opDestroy: "C_DestroyObject", opGenerateKeyPair: "C_GenerateKeyPair",
	opGenerateKey: "C_GenerateKey", opSign: "C_Sign", opEncrypt: "C_Encrypt", opDecrypt: "C_Decrypt", opDerive: "C_DeriveKey",
	opWrap: "C_WrapKey", opUnwrap: "C_UnwrapKey", opRandom: "C_GenerateRandom",
}

func (o op) String() string {
	if o < opLast && opNames[o] != "" {
		return opNames[o]
	}
	return "unknown call"
}

// slow calls make keys, wipe tokens or stretch PINs.
func (o op) slow() bool {
	switch o {
	case opOpen, opInitToken, opGenerateKeyPair, opGenerateKey, opInitPIN, opSetPIN, opUnwrap:
		return true
	}
	return false
}

// request is one call. What N1, N2, A, B, T1 and T2 mean depends on Op; see session.go and local.go.
type request struct {
	Op      op
	Secret  bool // the frame is wiped as soon as it was written or carried out
	Session uint64
	N1, N2  uint64
	A, B    []byte // nil and empty differ: a nil PIN is the key pad
	Mech    Mechanism
	T1, T2  []Attr
}

// reply is the answer. Code is the module's; Fault is what happened to us instead.
type reply struct {
	Code    Code
	Fault   fault
	Text    string // to ErrLoad: what the loader said
	N       uint64
	Data    []byte
	Objects []uint64
	Attrs   []Attr
}

type fault uint8

const (
	noFault fault = iota
	loadFault
	cgoFault
	frameFault
)

func (r *reply) err(o op) error {
	switch r.Fault {
	case noFault:
	case loadFault:
		return fmt.Errorf("%w: %s", ErrLoad, r.Text)
	case cgoFault:
		return ErrNoCgo
	default:
		return ErrFrame
	}
	if r.Code != CKR_OK {
		return &Error{Call: o.String(), Code: r.Code}
	}
	return nil
}

const (
	maxFrame   = 4 << 20 // a frame's bytes
	maxObjects = 4096    // objects in one answer
	maxAttrs   = 256     // attributes in one template
)

// A frame is a length of four bytes, big-endian, an id of eight and the body. Numbers in the body are varints, bytes have their length
// plus one before them, and 0 stands for nil.

func appendNumber(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }

func appendBytes(b, v []byte) []byte {
	if v == nil {
		return append(b, 0)
	}
	return append(appendNumber(b, uint64(len(v))+1), v...)
}

func appendAttrs(b []byte, attrs []Attr) []byte {
	b = appendNumber(b, uint64(len(attrs)))
	for _, a := range attrs {
		b = appendBytes(appendNumber(b, uint64(a.Type)), a.Value)
	}
	return b
}

func (m *Mechanism) append(b []byte) []byte {
	b = appendNumber(b, uint64(m.Type))
	switch {
	case m.ECDH != nil:
		return appendBytes(append(b, 'e'), m.ECDH.Point)
	case m.OAEP != nil:
		return appendNumber(appendNumber(append(b, 'o'), uint64(m.OAEP.Hash)), uint64(m.OAEP.MGF))
	case m.PSS != nil:
		return appendNumber(appendNumber(appendNumber(append(b, 'p'), uint64(m.PSS.Hash)), uint64(m.PSS.MGF)), uint64(m.PSS.Salt))
	case m.GCM != nil:
		return appendBytes(appendBytes(append(b, 'g'), m.GCM.IV), m.GCM.AAD)
	}
	return appendBytes(append(b, 'r'), m.Raw)
}

func (r *request) append(b []byte) []byte {
	b = append(b, byte(r.Op))
	b = appendNumber(b, r.Session)
	b = appendNumber(appendNumber(b, r.N1), r.N2)
	b = appendBytes(appendBytes(b, r.A), r.B)
	b = r.Mech.append(b)
	return appendAttrs(appendAttrs(b, r.T1), r.T2)
}

// room is more than the frame of r takes.
func (r *request) room() int {
	n := 512 + len(r.A) + len(r.B) + len(r.Mech.Raw)
	if r.Mech.GCM != nil {
		n += len(r.Mech.GCM.IV) + len(r.Mech.GCM.AAD)
	}
	if r.Mech.ECDH != nil {
		n += len(r.Mech.ECDH.Point)
	}
	for _, list := range [][]Attr{r.T1, r.T2} {
		for _, a := range list {
			n += 16 + len(a.Value)
		}
	}
	return n
}

func (r *reply) append(b []byte) []byte {
	b = appendNumber(b, uint64(r.Code))
	b = append(b, byte(r.Fault))
	b = appendBytes(b, []byte(r.Text))
	b = appendNumber(b, r.N)
	b = appendBytes(b, r.Data)
	b = appendNumber(b, uint64(len(r.Objects)))
	for _, o := range r.Objects {
		b = appendNumber(b, o)
	}
	return appendAttrs(b, r.Attrs)
}

// parser reads a body; after a mistake all it returns is zero and bad is set. What it returns lies in the frame's own bytes.
type parser struct {
	b   []byte
	bad bool
}

func (p *parser) fail() { p.bad, p.b = true, nil }

func (p *parser) byte() byte {
	if len(p.b) == 0 {
		p.fail()
		return 0
	}
	v := p.b[0]
	p.b = p.b[1:]
	return v
}

func (p *parser) number() uint64 {
	v, n := binary.Uvarint(p.b)
	if n <= 0 {
		p.fail()
		return 0
	}
	p.b = p.b[n:]
	return v
}

func (p *parser) bytes() []byte {
	n := p.number()
	if n == 0 {
		return nil
	}
	n--
	if n > uint64(len(p.b)) {
		p.fail()
		return nil
	}
	v := p.b[:n:n]
	p.b = p.b[n:]
	return v
}

func (p *parser) count(max uint64) uint64 {
	n := p.number()
	if n > max || n > uint64(len(p.b)) { // each item takes at least a byte
		p.fail()
		return 0
	}
	return n
}

func (p *parser) attrs() []Attr {
	n := p.count(maxAttrs)
	if n == 0 {
		return nil
	}
	out := make([]Attr, 0, n)
	for range n {
		out = append(out, Attr{Type: uint(p.number()), Value: p.bytes()})
	}
	return out
}

func (p *parser) mechanism() Mechanism {
	m := Mechanism{Type: uint(p.number())}
	switch p.byte() {
	case 'e':
		m.ECDH = &ECDHParams{Point: p.bytes()}
	case 'o':
		m.OAEP = &OAEPParams{Hash: uint(p.number()), MGF: uint(p.number())}
	case 'p':
		m.PSS = &PSSParams{Hash: uint(p.number()), MGF: uint(p.number()), Salt: uint(p.number())}
	case 'g':
		m.GCM = &GCMParams{IV: p.bytes(), AAD: p.bytes()}
	case 'r':
		m.Raw = p.bytes()
	default:
		p.fail()
	}
	return m
}

func (p *parser) done() error {
	if p.bad || len(p.b) != 0 {
		return ErrFrame
	}
	return nil
}

func parseRequest(body []byte) (*request, error) {
	p := parser{b: body}
	r := &request{Op: op(p.byte()), Session: p.number(), N1: p.number(), N2: p.number(), A: p.bytes(), B: p.bytes(),
		Mech: p.mechanism(), T1: p.attrs(), T2: p.attrs()}
	if r.Op == 0 || r.Op >= opLast {
		return nil, ErrFrame
	}
	return r, p.done()
}

func parseReply(body []byte) (*reply, error) {
	p := parser{b: body}
	r := &reply{Code: Code(p.number()), Fault: fault(p.byte()), Text: string(p.bytes()), N: p.number(), Data: p.bytes()}
	for range p.count(maxObjects) {
		r.Objects = append(r.Objects, p.number())
	}
	r.Attrs = p.attrs()
	return r, p.done()
}
