//go:build cgo

package cryptoki

/*
#include <stdlib.h>
#ifdef _WIN32
#include <windows.h>
#pragma pack(push, 1)
#else
#include <dlfcn.h>
#endif

typedef unsigned long ck_ulong;

// The function list as PKCS #11 v2.40 pkcs11f.h orders it: a version of two bytes, then pointers.
typedef struct { unsigned char version[2]; void *fn[68]; } ck_list;
#ifdef _WIN32
#pragma pack(pop)
#endif

enum { INIT_TOKEN = 9, INIT_PIN = 10, SET_PIN = 11, LOGIN = 18, ENCRYPT = 30, DECRYPT = 34, SIGN = 43 };

static ck_list *load(const char *path) {
	ck_list *list = 0;
	ck_ulong (*get)(ck_list **);
#ifdef _WIN32
	HMODULE h = LoadLibraryA(path);
	if (!h) return 0;
	get = (ck_ulong (*)(ck_list **))GetProcAddress(h, "C_GetFunctionList");
#else
	void *h = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!h) return 0;
	get = (ck_ulong (*)(ck_list **))dlsym(h, "C_GetFunctionList");
#endif
	if (!get || get(&list) != 0) return 0;
	return list;
}

static const char *load_error(void) {
#ifdef _WIN32
	return 0;
#else
	return dlerror();
#endif
}

static ck_ulong login(ck_list *l, ck_ulong s, ck_ulong who, void *pin, ck_ulong n) {
	return ((ck_ulong (*)(ck_ulong, ck_ulong, void *, ck_ulong))l->fn[LOGIN])(s, who, pin, n);
}
static ck_ulong init_pin(ck_list *l, ck_ulong s, void *pin, ck_ulong n) {
	return ((ck_ulong (*)(ck_ulong, void *, ck_ulong))l->fn[INIT_PIN])(s, pin, n);
}
static ck_ulong set_pin(ck_list *l, ck_ulong s, void *old, ck_ulong on, void *pin, ck_ulong n) {
	return ((ck_ulong (*)(ck_ulong, void *, ck_ulong, void *, ck_ulong))l->fn[SET_PIN])(s, old, on, pin, n);
}
static ck_ulong init_token(ck_list *l, ck_ulong slot, void *pin, ck_ulong n, void *label) {
	return ((ck_ulong (*)(ck_ulong, void *, ck_ulong, void *))l->fn[INIT_TOKEN])(slot, pin, n, label);
}
static ck_ulong one_step(ck_list *l, int which, ck_ulong s, void *in, ck_ulong n, void *out, ck_ulong *on) {
	return ((ck_ulong (*)(ck_ulong, void *, ck_ulong, void *, ck_ulong *))l->fn[which])(s, in, n, out, on);
}
*/
import "C"

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/miekg/pkcs11"
)

// executor carries out requests on one library: PIN functions and the one-step operations by calls of our own, as those of
// miekg/pkcs11 copy PINs and ask for lengths first; everything else through that package.
type executor struct {
	ctx  *pkcs11.Ctx
	list *C.ck_list
}

// loaded keeps libraries: many crash when they are unloaded, so none is.
var (
	loadedMu sync.Mutex // guards loaded
	loaded   = map[string]executor{}
)

func newExecutor() *executor { return &executor{} }

// load returns what the loader said when it fails.
func load(path string) (x executor, text string, ok bool) {
	loadedMu.Lock()
	defer loadedMu.Unlock()
	if x, ok := loaded[path]; ok {
		return x, "", true
	}
	runtime.LockOSThread() // dlerror is a thread's own
	defer runtime.UnlockOSThread()
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	list := C.load(cpath)
	if list == nil {
		text = "no PKCS#11 module"
		if e := C.load_error(); e != nil {
			text = C.GoString(e)
		}
		return executor{}, text, false
	}
	ctx := pkcs11.New(path)
	if ctx == nil {
		return executor{}, "no PKCS#11 module", false
	}
	x = executor{ctx, list}
	loaded[path] = x
	return x, "", true
}

func (x *executor) finalize() {
	if x.ctx != nil {
		_ = x.ctx.Finalize()
	}
}

func (x *executor) do(req *request) *reply {
	rep := &reply{}
	if req.Op == opOpen {
		if x.ctx == nil {
			y, text, ok := load(string(req.A))
			if !ok {
				return &reply{Fault: loadFault, Text: text}
			}
			*x = y
		}
		return rep.fail(x.ctx.Initialize())
	}
	if x.ctx == nil {
		return &reply{Code: CKR_CRYPTOKI_NOT_INITIALIZED}
	}
	if req.Session == 0 {
		return x.doModule(req, rep)
	}
	return x.doSession(req, rep)
}

// fail puts the module's answer into the reply.
func (r *reply) fail(err error) *reply {
	if err == nil {
		return r
	}
	r.Code = CKR_GENERAL_ERROR
	if code, ok := errors.AsType[pkcs11.Error](err); ok {
		r.Code = Code(code)
	}
	return r
}

func (r *reply) json(v any, err error) *reply {
	if err != nil {
		return r.fail(err)
	}
	r.Data, err = json.Marshal(v)
	return r.fail(err)
}

func (x *executor) doModule(req *request, rep *reply) *reply {
	switch req.Op {
	case opInfo:
		i, err := x.ctx.GetInfo()
		return rep.json(Info{text(i.ManufacturerID), text(i.LibraryDescription), version(i.LibraryVersion), version(i.CryptokiVersion)}, err)
	case opSlots:
		return rep.json(x.slots())
	case opMechanisms:
		list, err := x.ctx.GetMechanismList(uint(req.N1))
		out := []uint{}
		for _, m := range list {
			out = append(out, m.Mechanism)
		}
		return rep.json(out, err)
	case opMechanismInfo:
		i, err := x.ctx.GetMechanismInfo(uint(req.N1), []*pkcs11.Mechanism{pkcs11.NewMechanism(uint(req.N2), nil)})
		return rep.json(MechanismInfo{i.MinKeySize, i.MaxKeySize, i.Flags}, err)
	case opInitToken:
		label := append(bytes.Clone(req.B), bytes.Repeat([]byte{' '}, max(0, 32-len(req.B)))...)
		rep.Code = Code(C.init_token(x.list, C.ck_ulong(req.N1), pointer(req.A), C.ck_ulong(len(req.A)), unsafe.Pointer(&label[0])))
		return rep
	case opCloseAll:
		return rep.fail(x.ctx.CloseAllSessions(uint(req.N1)))
	case opOpenSession:
		flags := uint(pkcs11.CKF_SERIAL_SESSION)
		if req.N2 != 0 {
			flags |= pkcs11.CKF_RW_SESSION
		}
		s, err := x.ctx.OpenSession(uint(req.N1), flags)
		rep.N = uint64(s)
		return rep.fail(err)
	}
	return &reply{Fault: frameFault}
}

func text(s string) string { return strings.TrimRight(s, " \x00") }

func version(v pkcs11.Version) string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

func (x *executor) slots() ([]Slot, error) {
	ids, err := x.ctx.GetSlotList(false)
	if err != nil {
		return nil, err
	}
	out := []Slot{}
	for _, id := range ids {
		i, err := x.ctx.GetSlotInfo(id)
		if err != nil {
			continue // went away between two calls
		}
		s := Slot{ID: id, Description: text(i.SlotDescription), Manufacturer: text(i.ManufacturerID), Flags: i.Flags}
		if t, err := x.ctx.GetTokenInfo(id); err == nil && i.Flags&CKF_TOKEN_PRESENT != 0 {
			s.Token = &TokenInfo{
				Label: text(t.Label), Manufacturer: text(t.ManufacturerID), Model: text(t.Model), Serial: text(t.SerialNumber),
				Flags: t.Flags, MinPIN: t.MinPinLen, MaxPIN: t.MaxPinLen,
				Hardware: version(t.HardwareVersion), Firmware: version(t.FirmwareVersion),
				FreePrivate: t.FreePrivateMemory, FreePublic: t.FreePublicMemory,
			}
		}
		out = append(out, s)
	}
	return out, nil
}

func (x *executor) doSession(req *request, rep *reply) *reply {
	s := pkcs11.SessionHandle(req.Session)
	o := pkcs11.ObjectHandle(req.N1)
	switch req.Op {
	case opCloseSession:
		return rep.fail(x.ctx.CloseSession(s))
	case opSessionInfo:
		i, err := x.ctx.GetSessionInfo(s)
		rep.N = uint64(i.State)
		return rep.fail(err)
	case opLogin:
		rep.Code = Code(C.login(x.list, C.ck_ulong(s), C.ck_ulong(req.N1), pointer(req.A), C.ck_ulong(len(req.A))))
		return rep
	case opLogout:
		return rep.fail(x.ctx.Logout(s))
	case opInitPIN:
		rep.Code = Code(C.init_pin(x.list, C.ck_ulong(s), pointer(req.A), C.ck_ulong(len(req.A))))
		return rep
	case opSetPIN:
		rep.Code = Code(C.set_pin(x.list, C.ck_ulong(s), pointer(req.A), C.ck_ulong(len(req.A)), pointer(req.B), C.ck_ulong(len(req.B))))
		return rep
	case opFind:
		return x.find(s, req, rep)
	case opAttributes:
		return x.attributes(s, o, req.T1, rep)
	case opSetAttributes:
		return rep.fail(x.ctx.SetAttributeValue(s, o, template(req.T1)))
	case opCreate:
		return rep.object(x.ctx.CreateObject(s, template(req.T1)))
	case opCopy:
		return rep.object(x.ctx.CopyObject(s, o, template(req.T1)))
	case opDestroy:
		return rep.fail(x.ctx.DestroyObject(s, o))
	case opRandom:
		var err error
		rep.Data, err = x.ctx.GenerateRandom(s, int(min(req.N1, 64<<10)))
		return rep.fail(err)
	}
	return x.doMechanism(s, o, req, rep)
}

func (x *executor) doMechanism(s pkcs11.SessionHandle, o pkcs11.ObjectHandle, req *request, rep *reply) *reply {
	mech, free := mechanism(req.Mech)
	defer free()
	var err error
	switch req.Op {
	case opGenerateKeyPair:
		var pub, priv pkcs11.ObjectHandle
		pub, priv, err = x.ctx.GenerateKeyPair(s, mech, template(req.T1), template(req.T2))
		rep.Objects = []uint64{uint64(pub), uint64(priv)}
	case opGenerateKey:
		return rep.object(x.ctx.GenerateKey(s, mech, template(req.T1)))
	case opSign:
		if err = x.ctx.SignInit(s, mech, o); err == nil {
			return x.step(C.SIGN, s, req.A, 1<<10, rep)
		}
	case opEncrypt:
		if err = x.ctx.EncryptInit(s, mech, o); err == nil {
			return x.step(C.ENCRYPT, s, req.A, len(req.A)+1<<10, rep)
		}
	case opDecrypt:
		if err = x.ctx.DecryptInit(s, mech, o); err == nil {
			return x.step(C.DECRYPT, s, req.A, len(req.A)+64, rep)
		}
	case opDerive:
		return rep.object(x.ctx.DeriveKey(s, mech, o, template(req.T1)))
	case opWrap:
		rep.Data, err = x.ctx.WrapKey(s, mech, o, pkcs11.ObjectHandle(req.N2))
	case opUnwrap:
		return rep.object(x.ctx.UnwrapKey(s, mech, o, req.A, template(req.T1)))
	default:
		return &reply{Fault: frameFault}
	}
	return rep.fail(err)
}

// step is the second half of a one-step operation. One that says the buffer is too small is still active: it gets a second try.
func (x *executor) step(which C.int, s pkcs11.SessionHandle, in []byte, room int, rep *reply) *reply {
	var none [1]byte
	inPtr := unsafe.Pointer(&none[0]) // modules refuse NULL though the length is 0
	if len(in) > 0 {
		inPtr = unsafe.Pointer(&in[0])
	}
	for range 2 {
		out := make([]byte, room)
		n := C.ck_ulong(room)
		rep.Code = Code(C.one_step(x.list, which, C.ck_ulong(s), inPtr, C.ck_ulong(len(in)), unsafe.Pointer(&out[0]), &n))
		if rep.Code == CKR_OK && n <= C.ck_ulong(room) {
			rep.Data = out[:n]
			return rep
		}
		if rep.Code != CKR_BUFFER_TOO_SMALL || n > maxFrame {
			break
		}
		room = int(n)
	}
	if rep.Code == CKR_OK {
		rep.Code = CKR_GENERAL_ERROR // claims to have written more than there was room
	}
	return rep
}

func (r *reply) object(o pkcs11.ObjectHandle, err error) *reply {
	r.N = uint64(o)
	return r.fail(err)
}

func (x *executor) find(s pkcs11.SessionHandle, req *request, rep *reply) *reply {
	if err := x.ctx.FindObjectsInit(s, template(req.T1)); err != nil {
		return rep.fail(err)
	}
	for limit := int(min(req.N1, maxObjects)); len(rep.Objects) < limit; {
		found, _, err := x.ctx.FindObjects(s, limit-len(rep.Objects))
		if err != nil {
			_ = x.ctx.FindObjectsFinal(s)
			return rep.fail(err)
		}
		if len(found) == 0 {
			break
		}
		for _, o := range found {
			rep.Objects = append(rep.Objects, uint64(o))
		}
	}
	return rep.fail(x.ctx.FindObjectsFinal(s))
}

// attributes reads all at once and, when one of them cannot be read, each by itself.
func (x *executor) attributes(s pkcs11.SessionHandle, o pkcs11.ObjectHandle, want []Attr, rep *reply) *reply {
	if len(want) == 0 {
		return rep
	}
	got, err := x.ctx.GetAttributeValue(s, o, template(want))
	switch rep.fail(err).Code {
	case CKR_OK:
	case CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID:
		rep.Code = CKR_OK
		if len(want) == 1 {
			return rep
		}
		for i := range want {
			if x.attributes(s, o, want[i:i+1], rep); rep.Code != CKR_OK {
				return rep
			}
		}
		return rep
	default:
		return rep
	}
	for _, a := range got {
		if a.Value != nil {
			rep.Attrs = append(rep.Attrs, Attr{a.Type, a.Value})
		}
	}
	return rep
}

func template(attrs []Attr) []*pkcs11.Attribute {
	out := make([]*pkcs11.Attribute, len(attrs))
	for i, a := range attrs {
		out[i] = &pkcs11.Attribute{Type: a.Type, Value: a.Value}
	}
	return out
}

func mechanism(m Mechanism) (list []*pkcs11.Mechanism, free func()) {
	free = func() {}
	var param any
	switch {
	case m.ECDH != nil:
		param = pkcs11.NewECDH1DeriveParams(CKD_NULL, nil, m.ECDH.Point)
	case m.OAEP != nil:
		param = pkcs11.NewOAEPParams(m.OAEP.Hash, m.OAEP.MGF, pkcs11.CKZ_DATA_SPECIFIED, nil)
	case m.PSS != nil:
		param = pkcs11.NewPSSParams(m.PSS.Hash, m.PSS.MGF, m.PSS.Salt)
	case m.GCM != nil:
		p := pkcs11.NewGCMParams(m.GCM.IV, m.GCM.AAD, 128)
		param, free = p, p.Free
	case len(m.Raw) > 0:
		param = m.Raw
	}
	return []*pkcs11.Mechanism{pkcs11.NewMechanism(m.Type, param)}, free
}

func pointer(b []byte) unsafe.Pointer {
	if len(b) == 0 {
		return nil
	}
	return unsafe.Pointer(&b[0])
}
