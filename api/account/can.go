package account

import (
	"signet/api/problem"
)

// Role is what an account is for.
type Role string

// The roles, as in the API.
const (
	RoleHolder   Role = "holder"   // 证书持有人
	RoleFinance  Role = "finance"  // 财务
	RoleReviewer Role = "reviewer" // 审核员
	RoleAdmin    Role = "admin"    // 管理员
)

// State is where an account is in its life: 未补录 → 未核验 → 已实名, 冻结 from each.
type State string

// The states, as in the API.
const (
	Legacy     State = "legacy"
	Unverified State = "unverified"
	Verified   State = "verified"
	Frozen     State = "frozen"
)

// Actor is who asks.
//
// Nil/zero: the zero Actor is nobody, and may do nothing.
type Actor struct {
	AccountID      string
	OrganisationID string // empty for staff
	Role           Role
	State          State
	SessionID      string
	Login          string
}

// Verified reports whether the person's link to the organisation was proved.
func (a Actor) Verified() bool { return a.State == Verified }

// Verb is one kind of act, named area.act.
type Verb string

// The verbs. What is not granted below is denied to everyone.
const (
	SessionRead    Verb = "session.read"    // see and end one's own sessions
	SupplementRead Verb = "supplement.read" // see the supplement page
	SupplementAct  Verb = "supplement.act"  // codes, completion
	ProfileAct     Verb = "profile.act"     // change one's own password
	HolderRead     Verb = "holder.read"     // one's organisation's services, orders, certificates, applications
	HolderAct      Verb = "holder.act"      // renew, extend, withdraw
	HolderSwift    Verb = "holder.swift"    // change, unlock, replace, recover without manual review
	AgentPair      Verb = "agent.pair"      // pair and unpair agents
	AgentAct       Verb = "agent.act"       // jobs on a paired agent
	FinanceOrders  Verb = "finance.orders"  // all orders, confirming payment
	ReviewerRead   Verb = "reviewer.read"   // all applications and materials
	ReviewerAct    Verb = "reviewer.act"    // decisions
	AdminAccounts  Verb = "admin.accounts"  // freeze, staff accounts
	AdminSettings  Verb = "admin.settings"  // projects, calendar, dead letters
	AuditRead      Verb = "audit.read"      // the audit chain
	NoticeRead     Verb = "notice.read"     // the message outbox
	IssuanceStop   Verb = "issuance.stop"   // the stop switch
	RevocationAct  Verb = "revocation.act"  // revoke any certificate
)

// grants says who may do what, by role and state. Roles do not nest: an admin is
// no finance officer (reliability.md §2: roles exclusive).
var grants = map[Role]map[State][]Verb{
	RoleHolder: {
		Legacy:     {SessionRead, SupplementRead, SupplementAct},
		Unverified: {SessionRead, ProfileAct, HolderRead, HolderAct, AgentPair, AgentAct},
		Verified:   {SessionRead, ProfileAct, HolderRead, HolderAct, HolderSwift, AgentPair, AgentAct},
	},
	RoleFinance:  {Verified: {SessionRead, ProfileAct, FinanceOrders}},
	RoleReviewer: {Verified: {SessionRead, ProfileAct, ReviewerRead, ReviewerAct, RevocationAct}},
	RoleAdmin:    {Verified: {SessionRead, ProfileAct, AdminAccounts, AdminSettings, AuditRead, NoticeRead, IssuanceStop}},
}

// Can decides whether actor may do verb; everything not granted is denied. Whose
// object it is, is for the caller: load it through actor.OrganisationID.
//
// Errors: CodeUnauthenticated for nobody, CodeAccountFrozen, CodeSupplementRequired for
// a legacy holder outside the supplement page, CodeFinanceOnly for orders, CodeForbidden for the rest.
func Can(actor Actor, verb Verb) error {
	if actor.AccountID == "" {
		return errUnauthenticated
	}
	for _, granted := range grants[actor.Role][actor.State] {
		if granted == verb {
			return nil
		}
	}
	switch {
	case actor.State == Frozen:
		return errFrozen
	case actor.State == Legacy:
		return problem.New(problem.Denied, problem.CodeSupplementRequired, "Phone and password must be set first.")
	case verb == FinanceOrders:
		return problem.New(problem.Denied, problem.CodeFinanceOnly, "Only finance may do this.")
	}
	return problem.New(problem.Denied, problem.CodeForbidden, "This account may not do this.")
}

var (
	errUnauthenticated = problem.New(problem.Unauthenticated, problem.CodeUnauthenticated, "Nobody is logged in.")
	errFrozen          = problem.New(problem.Denied, problem.CodeAccountFrozen, "This account is frozen.")
)
