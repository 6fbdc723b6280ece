package ra

import "time"

// Paging asks for one page of a list.
//
// Nil/zero: Page 0 = 1, Size 0 = 5 (S002-31).
type Paging struct{ Page, Size int }

// Page says which part of a list this is. More = there are others beyond Total, which a search reaches.
type Page struct {
	Page, Size, Total, Pages int
	More                     bool
}

// List is one page of items.
//
// Nil/zero: Items is never nil.
type List[T any] struct {
	Items []T
	Page  Page
}

// Contact is how people reach a project's customer service (S002-58).
type Contact struct {
	Phone     string `json:"phone"`
	Site      string `json:"site,omitempty"`
	Hours     string `json:"hours,omitempty"` // such as 周一至周五 9:00-18:00
	Emergency string `json:"emergency,omitempty"`
}

// Download is one file offered on a project's page.
type Download struct {
	Title string `json:"title"`
	URL   string `json:"url"`
}

// Project is a cooperation project (合作项目).
//
// Units: PriceCents is 分 for one renewal of TermMonths; 0 is free.
// Nil/zero: Windows are the defaults for a new project, and as they were for one that is there.
type Project struct {
	Slug, Name, Product string
	PriceCents          int64
	TermMonths          int
	Contact             Contact
	Process, Help       []string
	Downloads           []Download
	Notice              string
	Demo                bool
	CA                  string // id of the CA that renews; "" = Config.CA
	Windows             Windows
}

// ServiceState: 有效 · 即将到期 · 已到期 · 办理中.
type ServiceState string

// The states of a service (S002-34). They follow from time and open applications.
const (
	ServiceValid      ServiceState = "valid"
	ServiceExpiring   ServiceState = "expiring" // within 90 days
	ServiceExpired    ServiceState = "expired"
	ServiceProcessing ServiceState = "processing"
)

// Service is a paid period of a certificate's use within a project.
type Service struct {
	ID                             string
	Number                         int64
	ProjectName, ProjectSlug       string
	ServiceName                    string
	CertificateName, CertificateID string
	SerialHex                      string
	From, To                       time.Time
	State                          ServiceState
	Renewable                      bool
	OpenOrderID                    string
	PriceCents                     int64
}

// CertificateState as the API shows it.
type CertificateState string

// The states of a certificate. Expiring and expired follow from time.
const (
	CertValid      CertificateState = "valid"
	CertExpiring   CertificateState = "expiring" // within 90 days
	CertExpired    CertificateState = "expired"
	CertSuspended  CertificateState = "suspended"
	CertRevoked    CertificateState = "revoked"
	CertSuperseded CertificateState = "superseded"
)

// Certificate is a certificate, or a pair, as its holder sees it.
//
// Nil/zero: RenewBlock is the problem code that forbids renewal, "" when Renewable.
type Certificate struct {
	ID, SerialHex, EncSerialHex string
	Name, IssuerName            string
	NotBefore, NotAfter         time.Time
	State                       CertificateState
	KeyAlg, Origin              string // origin: legacy, signet
	Renewable                   bool
	RenewBlock                  string
	RenewFrom, RenewUntil       time.Time // when it may be renewed, after its end by review
	OpenApplicationID           string
	ServiceID                   string
	TokenSerial                 string
}

// CertificateDetail adds what the list leaves out.
//
// Nil/zero: RevokedFor "" and RevokedAt zero unless the CA revoked it for good.
type CertificateDetail struct {
	Certificate                Certificate
	Subject                    string
	SignPEM, EncPEM, ChainPEM  string
	PredecessorID, SuccessorID string
	RevokedFor                 string // as in revocations, or unspecified
	RevokedAt                  time.Time
}

// ApplicationState: 草稿 · 待审核 · 审核中 · 退回补正 · 待复审 · 审核不通过 · 待支付 · 已签署告知 · 待办理 · 待发货 · 已发货 · 已签收 · 办理中 ·
// 已签发待写入 · 已完成 · 已撤回 · 失败.
type ApplicationState string

// The states of an application.
const (
	AppDraft     ApplicationState = "draft"
	AppPending   ApplicationState = "pending"
	AppReviewing ApplicationState = "reviewing"
	AppReturned  ApplicationState = "returned"
	AppSecond    ApplicationState = "second"
	AppRejected  ApplicationState = "rejected"
	AppPaying    ApplicationState = "paying"
	AppConsented ApplicationState = "consented"
	AppReady     ApplicationState = "ready"
	AppShipping  ApplicationState = "shipping"
	AppShipped   ApplicationState = "shipped"
	AppReceived  ApplicationState = "received"
	AppEnrolling ApplicationState = "enrolling"
	AppIssued    ApplicationState = "issued"
	AppCompleted ApplicationState = "completed"
	AppWithdrawn ApplicationState = "withdrawn"
	AppFailed    ApplicationState = "failed"
)

// The kinds of application: what it asks for. Unlocking and recovery have tables of their own.
const (
	KindNew           = "new"            // 新领
	KindRenew         = "renew"          // 延期
	KindChangeName    = "change_name"    // 变更企业名称或统一社会信用代码
	KindChangeLegal   = "change_legal"   // 变更法人
	KindChangeHandler = "change_handler" // 变更经办人、手机
	KindReplace       = "replace"        // 补办
	KindRevoke        = "revoke"         // 吊销
	KindSuspend       = "suspend"        // 挂失
	KindResume        = "resume"         // 解挂
)

// RiskNotice is the text whose signature replaces the stamped paper letter.
type RiskNotice struct{ Title, Text, Version string }

// Proof is what the key showed before the old one was given up.
type Proof struct {
	SignatureVerified, NewKeyOpened bool
	OldKeysOpened                   int
	At                              time.Time
}

// Enrolment is the writing of a pair to a key.
//
// Nil/zero: serials, issuer and NotAfter are empty until issued; Proof nil until proved.
type Enrolment struct {
	ID                          string
	State                       EnrolmentState
	TokenSerial                 string
	SignSerialHex, EncSerialHex string
	IssuerName                  string
	NotAfter                    time.Time
	Proof                       *Proof
}

// EnrolmentState is where the writing is.
type EnrolmentState string

// The states of an enrolment.
const (
	EnrolCreated EnrolmentState = "created"
	EnrolIssued  EnrolmentState = "issued"
	EnrolProved  EnrolmentState = "proved"
	EnrolDone    EnrolmentState = "done"
)

// TimelineEntry is one thing that happened to an application.
type TimelineEntry struct {
	At            time.Time
	Act, By, Note string // Act is an i18n key
}

// Application is a request of a holder about a certificate.
//
// Nil/zero: CertificateID empty for a new one until it is issued; DueAt zero before it is submitted; ClosesAt zero unless it is
// returned or unpaid; Reasons and ReviewNote are of the last return or rejection.
type Application struct {
	ID, Number, Kind           string
	Manual                     bool // a renewal by review
	State                      ApplicationState
	CertificateID              string
	CertificateName, SerialHex string
	ProjectSlug                string
	OrganisationName           string
	Form                       Form
	Asked                      []FormField // what the project asks in the form beside its own fields
	Acts                       []string
	CreatedAt, UpdatedAt       time.Time
	SubmittedAt, DueAt         time.Time
	ClosesAt                   time.Time
	Overdue, Paused            bool
	Reasons                    []string
	ReviewNote                 string
	PriceCents                 int64
	OrderID                    string
	RiskNotice                 RiskNotice
	ConsentAt                  time.Time
	Enrolment                  *Enrolment
	NewCertificateID           string
	ActiveJobID                string
	Timeline                   []TimelineEntry
}

// Target says which key the agent shall use.
//
// Nil/zero: AgentID "" = the account's only agent.
type Target struct{ AgentID, TokenSerial string }

// TokenKey is a plugged key, with what the portal knows about its contents.
// Contents that belong to another organisation are not named.
type TokenKey struct {
	Serial, Label, Model              string
	Simulated, PINLocked, Initialised bool
	PINTriesLeft                      int
	Mine, Blank                       bool
	Objects                           []TokenObject
}

// TokenObject is a key pair on a plugged key.
type TokenObject struct {
	ID, Usage       string
	SPKIHash        []byte
	KeyAlg          string
	CertificateName string
	SerialHex       string
	IssuerName      string
	NotAfter        time.Time
	CertificateID   string
	Label           string // as its holder named it
	History         bool   // no certificate of the key is in force any more
}
