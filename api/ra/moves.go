package ra

import (
	"fmt"
	"maps"

	"signet/api/problem"
	"signet/api/store"
)

// act is something that moves an application.
type act string

const (
	actConsent  act = "consent" // the risk notice is signed: a renewal without review goes on
	actSubmit   act = "submit"  // to the reviewers
	actBill     act = "bill"    // something is to be paid
	actClaim    act = "claim"   // a reviewer takes it
	actRelease  act = "release" // and gives it back
	actReturn   act = "return"  // to be corrected
	actPass     act = "pass"    // the first review is over, an approver follows
	actReject   act = "reject"
	actGrant    act = "grant"    // nothing is in the way of writing
	actSend     act = "send"     // a key is to be sent first
	actDispatch act = "dispatch" // it is on its way
	actReceive  act = "receive"  // it arrived
	actSettle   act = "settle"   // done, without a key
	actStart    act = "start"    // the agent is asked to write
	actStop     act = "stop"     // writing ended early; it can be resumed
	actIssue    act = "issue"    // the CA made the pair
	actComplete act = "complete" // the key proved it
	actWithdraw act = "withdraw"
)

// moves is the life of an application. Starting again while enrolling or after
// issuing is resuming: it moves nothing.
// Source: product.md §2.3.
var moves = map[ApplicationState]map[act]ApplicationState{
	AppDraft:     {actConsent: AppConsented, actSubmit: AppPending, actBill: AppPaying, actGrant: AppReady, actSend: AppShipping, actSettle: AppCompleted, actWithdraw: AppWithdrawn},
	AppPending:   {actClaim: AppReviewing, actWithdraw: AppWithdrawn},
	AppReviewing: {actRelease: AppPending, actReturn: AppReturned, actPass: AppSecond, actReject: AppRejected, actBill: AppPaying, actGrant: AppReady, actSend: AppShipping, actSettle: AppCompleted},
	AppReturned:  {actSubmit: AppPending, actWithdraw: AppWithdrawn},
	AppSecond:    {actReturn: AppReturned, actReject: AppRejected, actBill: AppPaying, actGrant: AppReady, actSend: AppShipping, actSettle: AppCompleted},
	AppPaying:    {actSubmit: AppPending, actGrant: AppReady, actSend: AppShipping, actSettle: AppCompleted, actWithdraw: AppWithdrawn},
	AppConsented: {actStart: AppEnrolling, actIssue: AppIssued, actWithdraw: AppWithdrawn},
	AppReady:     {actStart: AppEnrolling, actIssue: AppIssued, actWithdraw: AppWithdrawn},
	AppShipping:  {actDispatch: AppShipped},
	AppShipped:   {actReceive: AppReceived},
	AppReceived:  {actStart: AppEnrolling, actIssue: AppIssued},
	AppEnrolling: {actStop: AppReady, actIssue: AppIssued, actWithdraw: AppWithdrawn},
	AppIssued:    {actComplete: AppCompleted},
}

// ends are the states after which another application may be opened.
var ends = map[ApplicationState]bool{AppCompleted: true, AppWithdrawn: true, AppRejected: true, AppFailed: true}

// move takes an application through an act by one conditional UPDATE.
//
// Errors: false without error when its state does not admit the act.
func move(tx *store.Tx, id string, a act, extra map[string]any) (bool, error) {
	var from []string
	var to ApplicationState
	for state, acts := range moves {
		if next, ok := acts[a]; ok {
			from, to = append(from, string(state)), next
		}
	}
	set := map[string]any{"changed_at": store.Millis(tx.Now())}
	if to != AppDraft && to != AppReturned && to != AppPaying {
		set["lapse_at"] = 0
	}
	if ends[to] {
		set["open_certificate"] = nil
		set["active_job_id"] = ""
	}
	maps.Copy(set, extra)
	return tx.Move("ra_applications", id, from, string(to), set)
}

// timelineRow is a row of ra_timeline.
type timelineRow struct {
	ID            string
	ApplicationID string
	At            int64
	Act           string
	ByName        string
	Note          string
}

// TableName names the table for gorm.
func (timelineRow) TableName() string { return "ra_timeline" }

// The entries of a timeline; i18n keys.
const (
	lineCreated     = "application.created"
	lineConsented   = "application.consented"
	lineStarted     = "enrolment.started"
	lineIssued      = "certificate.issued"
	lineProved      = "enrolment.proved"
	lineInterrupted = "enrolment.interrupted"
	lineNotTested   = "enrolment.old_key_not_tested"
	lineCompleted   = "application.completed"
	lineWithdrawn   = "application.withdrawn"
	lineSubmitted   = "application.submitted"
	lineClaimed     = "review.claimed"
	lineReleased    = "review.released"
	lineReturned    = "review.returned"
	linePassed      = "review.passed"
	lineApproved    = "review.approved"
	lineRejected    = "review.rejected"
	lineOverdue     = "review.overdue"
	linePaying      = "application.paying"
	linePaid        = "application.paid"
	lineSending     = "application.shipping"
	lineReceived    = "application.received"
	lineLapsed      = "application.lapsed"
	lineSuspended   = "certificate.suspended"
	lineResumed     = "certificate.resumed"
	lineRevoked     = "certificate.revoked"
)

// note writes a line into an application's timeline, after those that are there: what one transaction does is told in its order.
func note(tx *store.Tx, applicationID, line, by, text string) error {
	var last int64
	if err := tx.DB().Model(&timelineRow{}).Where("application_id = ?", applicationID).Select("COALESCE(MAX(at), 0)").Scan(&last).Error; err != nil {
		return fmt.Errorf("reading timeline: %w", err)
	}
	at := max(store.Millis(tx.Now()), last+1)
	row := timelineRow{ID: store.NewID("tml"), ApplicationID: applicationID, At: at, Act: line, ByName: clip(by, 200), Note: clip(text, 500)}
	if err := tx.DB().Create(&row).Error; err != nil {
		return fmt.Errorf("writing timeline: %w", err)
	}
	return nil
}

func wrongState(s ApplicationState) error {
	return problem.New(problem.Conflict, problem.CodeApplicationState, "The application is not in a state for this.").WithParam("state", string(s))
}
