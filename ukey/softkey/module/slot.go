package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"signet/ukey"
	"signet/ukey/softkey"
)

// module is the whole library between C_Initialize and C_Finalize.
type module struct {
	faults faults

	mu       sync.Mutex // guards all below; not held while a key works
	up       bool
	dir      string
	slots    []*slot
	sessions map[uint64]*session
	next     uint64 // the last handle given out, of sessions and objects alike
	handles  map[ref]uint64
	refs     map[uint64]ref
	memory   map[ukey.KeyID]*volatile
}

// slot is a folder. It keeps its number as long as the module is up, whatever happens to the folder.
type slot struct {
	id    uint64
	dir   string
	role  role
	login *softkey.Session // while role is not nobody
}

// role is who is logged in at a slot. Source: CKU_SO, CKU_USER.
type role int

const (
	so     role = 0
	user   role = 1
	nobody role = -1
)

func (m *module) initialize(dir, spec, specFile string) rv {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.up {
		return rvAlreadyInitialized
	}
	m.faults.fixed, m.faults.file = spec, specFile
	m.up, m.dir, m.slots = true, dir, nil
	m.sessions, m.handles = map[uint64]*session{}, map[ref]uint64{}
	m.refs, m.memory = map[uint64]ref{}, map[ukey.KeyID]*volatile{}
	return ok
}

func (m *module) finalize() rv {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.up {
		return rvNotInitialized
	}
	for _, sl := range m.slots {
		sl.logout()
	}
	m.up, m.sessions, m.slots = false, nil, nil
	return ok
}

// scan finds new folders. The caller holds mu.
func (m *module) scan() {
	if _, err := os.Stat(filepath.Join(m.dir, "token.json")); err == nil {
		m.addSlot(m.dir)
		return
	}
	entries, _ := os.ReadDir(m.dir)
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			m.addSlot(filepath.Join(m.dir, e.Name()))
		}
	}
}

func (m *module) addSlot(dir string) {
	if !slices.ContainsFunc(m.slots, func(s *slot) bool { return s.dir == dir }) {
		m.slots = append(m.slots, &slot{id: uint64(len(m.slots)), dir: dir, role: nobody})
	}
}

// swap puts the token of the first slot into the second and the other way round.
func (m *module) swap() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.scan()
	if len(m.slots) < 2 {
		return
	}
	a, b := m.slots[0], m.slots[1]
	a.dir, b.dir = b.dir, a.dir // open sessions notice that their token is gone
}

// present tells whether a token, blank or formatted, is in the slot.
func (s *slot) present() bool {
	_, err := os.Stat(s.dir)
	return err == nil
}

// token reads the formatted token in the slot.
func (s *slot) token() (*softkey.Token, error) {
	if !s.present() {
		return nil, rvTokenNotPresent
	}
	t, err := softkey.Plugged(s.dir)
	if err != nil {
		return nil, rvTokenNotRecognized
	}
	return t, nil
}

func (s *slot) logout() {
	if s.login != nil {
		s.login.Close()
	}
	s.login, s.role = nil, nobody
}

func (m *module) slotList(withToken bool) ([]uint64, rv) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.up {
		return nil, rvNotInitialized
	}
	m.scan()
	ids := []uint64{}
	for _, s := range m.slots {
		if !withToken || s.present() {
			ids = append(ids, s.id)
		}
	}
	return ids, ok
}

func (m *module) slot(id uint64) (*slot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.up {
		return nil, rvNotInitialized
	}
	m.scan()
	if id >= uint64(len(m.slots)) {
		return nil, rvSlotIDInvalid
	}
	return m.slots[id], nil
}

// slotInfo is CK_SLOT_INFO.
type slotInfo struct {
	description string
	flags       uint64
}

func (m *module) slotInfo(id uint64) (slotInfo, error) {
	s, err := m.slot(id)
	if err != nil {
		return slotInfo{}, err
	}
	info := slotInfo{"Signet software key " + filepath.Base(s.dir), 2} // CKF_REMOVABLE_DEVICE
	if s.present() {
		info.flags |= 1 // CKF_TOKEN_PRESENT
	}
	return info, nil
}

// tokenInfo is what CK_TOKEN_INFO says of a token.
type tokenInfo struct {
	label, serial string
	flags         uint64
	sessions      int
}

// Flags of a token. Source: PKCS#11 2.40 §3.2.
const (
	flagRNG        = 0x001
	flagLogin      = 0x004
	flagUserPINSet = 0x008
	flagDualCrypto = 0x200
	flagFormatted  = 0x400
	flagUserLow    = 0x010000 // the SO's are these shifted by four
	flagUserFinal  = 0x020000
	flagUserLocked = 0x040000
)

func (m *module) tokenInfo(id uint64) (tokenInfo, error) {
	s, err := m.slot(id)
	if err != nil {
		return tokenInfo{}, err
	}
	t, err := s.token()
	if err == rvTokenNotRecognized {
		return tokenInfo{serial: softkey.SerialOfBlank(s.dir), flags: flagRNG | flagLogin}, nil
	}
	if err != nil {
		return tokenInfo{}, err
	}
	i, err := t.Info(context.Background())
	if err != nil {
		return tokenInfo{}, err
	}
	soLeft, of, err := t.SOTriesLeft()
	if err != nil {
		return tokenInfo{}, err
	}
	info := tokenInfo{label: i.Label, serial: i.Serial, flags: flagRNG | flagLogin | flagFormatted, sessions: m.sessionsOf(s)}
	info.flags |= triesFlags(soLeft, of) << 4
	if i.Initialised {
		info.flags |= flagUserPINSet | triesFlags(i.PINTriesLeft, of)
	}
	return info, nil
}

func triesFlags(left, of int) uint64 {
	switch {
	case left == 0:
		return flagUserLocked
	case left == 1:
		return flagUserFinal | flagUserLow
	case left < of:
		return flagUserLow
	}
	return 0
}

func (m *module) initToken(id uint64, pin []byte, label string) error {
	s, err := m.slot(id)
	if err != nil {
		return err
	}
	if !s.present() {
		return rvTokenNotPresent
	}
	if m.sessionsOf(s) > 0 {
		return rvSessionExists
	}
	return softkey.Format(context.Background(), s.dir, label, ukey.PIN(pin))
}
