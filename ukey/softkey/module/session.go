package main

import (
	"context"
	"os"
	"sync"

	"signet/ukey"
	"signet/ukey/softkey"
)

// session is a CK_SESSION_HANDLE.
type session struct {
	slot   *slot
	token  *softkey.Token
	folder os.FileInfo // the folder it was opened on; another one in its place is another token
	write  bool

	mu    sync.Mutex // guards what follows; held while an operation runs
	ops   map[string]*operation
	found []uint64
	finds bool
}

func (m *module) openSession(id uint64, write bool) (uint64, error) {
	s, err := m.slot(id)
	if err != nil {
		return 0, err
	}
	t, err := s.token()
	if err != nil {
		return 0, err
	}
	folder, err := os.Stat(s.dir)
	if err != nil {
		return 0, rvTokenNotPresent
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !write && s.role == so {
		return 0, rvSessionReadWriteSO
	}
	m.next++
	m.sessions[m.next] = &session{slot: s, token: t, folder: folder, write: write, ops: map[string]*operation{}}
	return m.next, nil
}

// session finds a live session. One whose token was pulled is gone, and so is the login of its slot.
func (m *module) session(h uint64) (*session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.up {
		return nil, rvNotInitialized
	}
	s := m.sessions[h]
	if s == nil {
		return nil, rvSessionHandleInvalid
	}
	now, err := os.Stat(s.slot.dir)
	if err == nil && os.SameFile(now, s.folder) {
		if t, err := s.slot.token(); err == nil && t.Serial() == s.token.Serial() {
			return s, nil
		}
	}
	m.dropSessions(s.slot)
	return nil, rvDeviceRemoved
}

// dropSessions forgets all sessions of a slot. The caller holds mu.
func (m *module) dropSessions(s *slot) {
	for h, o := range m.sessions {
		if o.slot == s {
			m.forget(h)
		}
	}
	s.logout()
}

// forget ends one session with its objects. The caller holds mu.
func (m *module) forget(h uint64) {
	s := m.sessions[h]
	delete(m.sessions, h)
	for id, v := range m.memory {
		if v.owner == s {
			v.wipe()
			delete(m.memory, id)
		}
	}
}

func (m *module) sessionsOf(s *slot) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.sessions {
		if o.slot == s {
			n++
		}
	}
	return n
}

func (m *module) closeSession(h uint64) rv {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.up {
		return rvNotInitialized
	}
	s := m.sessions[h]
	if s == nil {
		return rvSessionHandleInvalid
	}
	m.forget(h)
	for _, o := range m.sessions {
		if o.slot == s.slot {
			return ok
		}
	}
	s.slot.logout() // the last session of a slot takes the login with it
	return ok
}

func (m *module) closeAll(id uint64) error {
	s, err := m.slot(id)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropSessions(s)
	return nil
}

// sessionInfo is CK_SESSION_INFO.
type sessionInfo struct{ slot, state, flags uint64 }

func (m *module) sessionInfo(h uint64) (sessionInfo, error) {
	s, err := m.session(h)
	if err != nil {
		return sessionInfo{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	i := sessionInfo{slot: s.slot.id, flags: 4} // CKF_SERIAL_SESSION
	if s.write {
		i.flags |= 2
		i.state = 2 // CKS_RW_PUBLIC_SESSION
	}
	switch s.slot.role {
	case user:
		i.state++
	case so:
		i.state = 4
	}
	return i, nil
}

func (m *module) logIn(h uint64, who role, pin []byte) error {
	s, err := m.session(h)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case who != so && who != user:
		return rvUserTypeInvalid
	case s.slot.role == who:
		return rvUserAlreadyLoggedIn
	case s.slot.role != nobody:
		return rvUserAnotherLoggedIn
	}
	open := s.token.Open
	if who == so {
		open = s.token.OpenSO
		for _, o := range m.sessions {
			if o.slot == s.slot && !o.write {
				return rvSessionReadOnlyExists
			}
		}
	}
	login, err := open(context.Background(), ukey.PIN(pin))
	if err != nil {
		return err
	}
	s.slot.login, s.slot.role = login, who
	return nil
}

func (m *module) logOut(h uint64) error {
	s, err := m.session(h)
	if err != nil {
		return err
	}
	m.mu.Lock()
	if s.slot.role == nobody {
		m.mu.Unlock()
		return rvUserNotLoggedIn
	}
	s.slot.logout()
	var all []*session
	for _, o := range m.sessions {
		if o.slot == s.slot {
			all = append(all, o)
		}
	}
	m.mu.Unlock() // a session's own lock comes first, never within this one
	for _, o := range all {
		o.mu.Lock()
		o.ops = map[string]*operation{}
		o.mu.Unlock()
	}
	return nil
}

// as gives the login of a session's slot if that role holds it.
func (m *module) as(s *session, who role) (*softkey.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.slot.role != who {
		return nil, rvUserNotLoggedIn
	}
	return s.slot.login, nil
}

// writer is as(user) for a session that may change the token.
func (m *module) writer(s *session) (*softkey.Session, error) {
	if !s.write {
		return nil, rvSessionReadOnly
	}
	return m.as(s, user)
}

func (m *module) initPIN(h uint64, pin []byte) error {
	s, err := m.session(h)
	if err != nil {
		return err
	}
	login, err := m.as(s, so)
	if err != nil {
		return err
	}
	return pinLength(login.InitPIN(context.Background(), ukey.PIN(pin)), pin)
}

// setPIN changes the SO's secret when the SO is logged in, else the holder's PIN, logged in or not.
func (m *module) setPIN(h uint64, old, new []byte) error {
	s, err := m.session(h)
	if err != nil {
		return err
	}
	if !s.write {
		return rvSessionReadOnly
	}
	m.mu.Lock()
	login, who := s.slot.login, s.slot.role
	m.mu.Unlock()
	if login == nil {
		return pinLength(s.token.ChangePIN(context.Background(), ukey.PIN(old), ukey.PIN(new)), new)
	}
	return pinLength(login.ChangeSecret(context.Background(), ukey.PIN(old), ukey.PIN(new), who == so), new)
}

// pinLength says a weak PIN's length apart from its content.
func pinLength(err error, pin []byte) error {
	if codeOf(err) == rvPINInvalid && (len(pin) < ukey.MinPIN || len(pin) > ukey.MaxPIN) {
		return rvPINLenRange
	}
	return err
}
