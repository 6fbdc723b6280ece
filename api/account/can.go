package account

import (
	"slices"

	"signet/api/problem"
)

// Role is what an account is for.
type Role string

// The roles, as in the API.
const (
	RoleHolder     Role = "holder"     // 证书持有人
	RoleReviewer   Role = "reviewer"   // 审核员（初审）
	RoleApprover   Role = "approver"   // 复审员
	RoleOperator   Role = "operator"   // 制证员
	RoleFinance    Role = "finance"    // 财务
	RoleShipper    Role = "shipper"    // 发货员
	RoleWindow     Role = "window"     // 窗口人员（实名核验）
	RoleManager    Role = "manager"    // 项目经理
	RoleSupervisor Role = "supervisor" // 区域监管员
	RoleAdmin      Role = "admin"      // 系统管理员
	RoleSecurity   Role = "security"   // 安全管理员
	RoleAuditor    Role = "auditor"    // 审计管理员
	RoleStaff      Role = "staff"      // 工作人员, who holds no other role now
)

// powers are the three separated powers: whoever holds one holds nothing else.
var powers = []Role{RoleAdmin, RoleSecurity, RoleAuditor}

// State is where an account is in its life: 未补录 → 未核验 → 已实名, 冻结 from each.
type State string

// The states, as in the API.
const (
	Legacy     State = "legacy"
	Unverified State = "unverified"
	Verified   State = "verified"
	Frozen     State = "frozen"
	Closed     State = "closed" // 已注销: for good
)

// Actor is who asks.
//
// Nil/zero: the zero Actor is nobody, and may do nothing.
type Actor struct {
	AccountID      string
	OrganisationID string // empty for staff
	Role           Role
	Member         Member // of a holder: what they are within the organisation
	Roles          []Role // all roles held now, Role among them; empty = Role alone
	Reaches        []Reach
	State          State
	SessionID      string
	Login          string
	AgreementDue   string // the agreement that comes before all else in this session
}

// Verified reports whether the person's link to the organisation was proved.
func (a Actor) Verified() bool { return a.State == Verified }

// Reach is how far one role reaches.
type Reach struct {
	Role    Role
	Project string // slug; empty = every project
	Region  string // code; empty = every region
}

// Within lists the reaches in which the actor may do verb; all means that one of them is without bounds. Lists of
// what verb covers must be cut down to them.
func (a Actor) Within(verb Verb) (reaches []Reach, all bool) {
	for _, role := range a.Held() {
		if !may(role, a.State, verb) {
			continue
		}
		for _, s := range a.Reaches {
			if s.Role == role && (s.Project != "" || s.Region != "") {
				reaches = append(reaches, s)
			}
		}
		all = all || a.unbounded(role)
	}
	return reaches, all
}

// Has reports whether the actor holds role.
func (a Actor) Has(role Role) bool { return a.Role == role || slices.Contains(a.Roles, role) }

// Held lists the actor's roles.
func (a Actor) Held() []Role {
	if len(a.Roles) == 0 {
		return []Role{a.Role}
	}
	return a.Roles
}

// Verb is one kind of act, named area.act.
type Verb string

// The verbs. What is not granted below is denied to everyone.
const (
	SessionRead    Verb = "session.read"    // see and end one's own sessions, accept the agreement
	SupplementRead Verb = "supplement.read" // see the supplement page
	SupplementAct  Verb = "supplement.act"  // codes, completion
	ProfileAct     Verb = "profile.act"     // change one's own password
	HolderRead     Verb = "holder.read"     // one's organisation's services, orders, certificates, applications
	HolderAct      Verb = "holder.act"      // renew, extend, withdraw
	HolderSwift    Verb = "holder.swift"    // change, unlock, replace, recover without manual review
	MembersAct     Verb = "members.act"     // invite, remove and hand over to members of one's organisation
	KeysAct        Verb = "keys.act"        // API keys of one's organisation
	AgentPair      Verb = "agent.pair"      // pair and unpair agents
	AgentAct       Verb = "agent.act"       // jobs on a paired agent
	FinanceOrders  Verb = "finance.orders"  // all orders, confirming payment
	FinanceRead    Verb = "finance.read"    // all orders, payments and invoices, to look at
	RefundAct      Verb = "refund.act"      // decide on refunds
	ReviewerRead   Verb = "reviewer.read"   // all applications and materials
	ReviewerAct    Verb = "reviewer.act"    // decisions of the first review
	ApproverAct    Verb = "approver.act"    // decisions of the second review
	ShipmentRead   Verb = "shipment.read"   // all shipments
	ShipmentAct    Verb = "shipment.act"    // send, track, take back
	SealRead       Verb = "seal.read"       // sealed-bid holds of all platforms
	SealAct        Verb = "seal.act"        // lift a hold by hand
	WindowAct      Verb = "window.act"      // verify identities at the window
	ContentRead    Verb = "content.read"    // projects, holidays, texts: what is in effect, drafts and versions
	ContentAct     Verb = "content.act"     // draft projects, help texts, templates
	ContentPublish Verb = "content.publish" // publish what another person drafted
	StaffRead      Verb = "staff.read"      // staff accounts, grants and keys
	StaffInvite    Verb = "staff.invite"    // invite, freeze, reset factors
	StaffGrant     Verb = "staff.grant"     // request, confirm, review and end grants and keys
	StaffSign      Verb = "staff.sign"      // have a text signed by one's own USB key
	AdminAccounts  Verb = "admin.accounts"  // freeze accounts
	AdminSettings  Verb = "admin.settings"  // projects, calendar, dead letters
	AuditRead      Verb = "audit.read"      // the audit chain
	StatisticsRead Verb = "statistics.read" // aggregated figures
	NoticeRead     Verb = "notice.read"     // the message outbox
	IssuanceRead   Verb = "issuance.read"   // whether issuing is stopped
	AuthorityRead  Verb = "authority.read"  // health of the CAs, their lists, keys, clock
	IssuanceStop   Verb = "issuance.stop"   // the stop switch
	AlarmAct       Verb = "alarm.act"       // acknowledge alarms, raise a test alarm
	AuditSeal      Verb = "audit.seal"      // have the audit chain's head signed: evidence more, nothing changed
	RevocationAct  Verb = "revocation.act"  // revoke any certificate
	InventoryRead  Verb = "inventory.read"  // all certificates, imported ones too
	ImportAct      Verb = "import.act"      // take over holders of other CAs
	TokenRead      Verb = "token.read"      // the register of USB keys
	TokenAct       Verb = "token.act"       // register, move and release USB keys; make batches
	TokenFlash     Verb = "token.flash"     // the operator's station
)

// everyStaff is what every member of staff may do, whatever the role.
var everyStaff = []Verb{SessionRead, ProfileAct, AgentPair, AgentAct, StaffSign, IssuanceRead}

// holders says what an account of the portal may do, by its state.
var holders = map[State][]Verb{
	Legacy:     {SessionRead, SupplementRead, SupplementAct},
	Unverified: {SessionRead, ProfileAct, HolderRead, HolderAct, MembersAct, KeysAct, AgentPair, AgentAct},
	Verified:   {SessionRead, ProfileAct, HolderRead, HolderAct, HolderSwift, MembersAct, KeysAct, AgentPair, AgentAct},
}

// grants says what each staff role may do beside everyStaff. Roles do not nest: an admin is
// no finance officer (reliability.md §2: roles exclusive). The auditor's verbs read only.
var grants = map[Role][]Verb{
	RoleReviewer:   {ReviewerRead, ReviewerAct, WindowAct, RevocationAct, InventoryRead, SealRead},
	RoleApprover:   {ReviewerRead, ApproverAct, RevocationAct, InventoryRead, SealRead, SealAct},
	RoleOperator:   {TokenRead, TokenAct, TokenFlash, InventoryRead},
	RoleFinance:    {FinanceRead, FinanceOrders, RefundAct},
	RoleShipper:    {ShipmentRead, ShipmentAct, TokenRead},
	RoleWindow:     {WindowAct},
	RoleManager:    {ReviewerRead, FinanceRead, RefundAct, ShipmentRead, SealRead, ContentRead, ContentAct, ContentPublish, StatisticsRead},
	RoleSupervisor: {ReviewerRead, SealRead, StatisticsRead},
	RoleAdmin:      {AdminSettings, ContentRead, NoticeRead, InventoryRead, ImportAct, IssuanceStop, AuthorityRead, AlarmAct, StatisticsRead},
	RoleSecurity:   {AdminAccounts, IssuanceStop, AuthorityRead, AlarmAct, StaffRead, StaffInvite, StaffGrant, StatisticsRead},
	RoleAuditor:    {AuditRead, AuditSeal, AuthorityRead, InventoryRead, ReviewerRead, FinanceRead, ShipmentRead, SealRead, TokenRead, StaffRead, NoticeRead, ContentRead, StatisticsRead},
	RoleStaff:      {},
}

// may reports whether one role in one state is granted verb.
func may(role Role, state State, verb Verb) bool {
	if role == RoleHolder {
		return slices.Contains(holders[state], verb)
	}
	own, staff := grants[role]
	return staff && state == Verified && (slices.Contains(everyStaff, verb) || slices.Contains(own, verb))
}

// Can decides whether actor may do verb, through any of the roles held; everything not granted is denied. Whose
// object it is, is for the caller: load it through actor.OrganisationID, or actor.Bounds for staff.
//
// Errors: CodeUnauthenticated for nobody, CodeAccountFrozen, CodeSupplementRequired for
// a legacy holder outside the supplement page, CodeAgreementRequired until a new agreement is accepted, CodeFinanceOnly for orders, CodeForbidden for the rest.
func Can(actor Actor, verb Verb) error {
	if actor.AccountID == "" {
		return errUnauthenticated
	}
	if actor.AgreementDue != "" && verb != SessionRead {
		return problem.New(problem.Denied, problem.CodeAgreementRequired, "The service agreement has a new version, to be accepted first.").WithParam("version", actor.AgreementDue)
	}
	for _, role := range actor.Held() {
		if may(role, actor.State, verb) && actor.reaches(role, verb) && (role != RoleHolder || memberMay(actor.Member, verb)) {
			return nil
		}
	}
	switch {
	case actor.State == Frozen:
		return errFrozen
	case actor.State == Legacy:
		return problem.New(problem.Denied, problem.CodeSupplementRequired, "Phone and password must be set first.")
	case verb == FinanceOrders || verb == FinanceRead || verb == RefundAct:
		return problem.New(problem.Denied, problem.CodeFinanceOnly, "Only finance may do this.")
	}
	return problem.New(problem.Denied, problem.CodeForbidden, "This account may not do this.")
}

var (
	errUnauthenticated = problem.New(problem.Unauthenticated, problem.CodeUnauthenticated, "Nobody is logged in.")
	errFrozen          = problem.New(problem.Denied, problem.CodeAccountFrozen, "This account is frozen.")
)
