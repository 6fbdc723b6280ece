package watch

import (
	"fmt"
	"strconv"
	"time"

	"signet/api/jobs"
)

// Severity says how soon somebody must look.
type Severity string

// The severities, as in the API: 严重 · 警告.
const (
	Grave   Severity = "grave"   // staff are told
	Warning Severity = "warning" // it shows in the back office
)

// Facts are how the authority fares at one moment.
type Facts struct {
	At           time.Time
	LateLists    []string         // revocation lists past half their life, or missing
	Ends         []End            // certificates of CAs and of their OCSP responders
	KeysDown     bool             // the keystore does not answer
	EscrowLocked bool             // the key management centre waits for its officers
	ClockProblem bool             // no source vouches for the computer's clock
	Jobs         []jobs.State     // the calendar
	Dead         map[string]int64 // messages that gave up, by topic
	Late         map[string]int64 // messages that nobody took for lateAfter, by topic
	Stopped      bool             // issuing is stopped
	Storage      []Storage        // the disks that this server writes to
}

// Storage is a disk. Shape: Place is database or files. Units: Free is bytes.
type Storage struct {
	Place string
	Free  uint64
}

// End is when a certificate ends that the authority lives on.
type End struct {
	Authority string
	Responder bool
	At        time.Time
}

// Cause is one thing that is wrong.
//
// Shape: Detail is a figure, a date or a name: no sentence, as pages show it in two languages.
type Cause struct{ Object, Detail string }

// Rule is one kind of alarm. One without look is reported by who finds it (Watch.Report).
type Rule struct {
	ID       string // also the key of its text in the pages
	Title    string // for messages to staff
	Severity Severity
	look     func(Facts) []Cause
}

// Margins of the rules.
const (
	failuresMost     = 3                   // of a job, in a row
	LateAfter        = 15 * time.Minute    // that a message waits for a worker
	authorityEndsFor = 30 * 24 * time.Hour // before the end of a CA
	responderEndsFor = 7 * 24 * time.Hour  // before that of a responder, which should have been renewed long since
	storageFree      = 1 << 30             // bytes: a day's work of a busy site, and time to act
	AuditBroken      = "audit_broken"
	LogBroken        = "log_broken"
	testRule         = "test"
)

// Rules are all alarms there are.
var Rules = []Rule{
	{"crl_late", "吊销列表未按时更新", Grave, func(f Facts) (all []Cause) {
		for _, list := range f.LateLists {
			all = append(all, Cause{Object: list})
		}
		return all
	}},
	{"responder_ends", "OCSP 证书即将到期", Grave, func(f Facts) []Cause { return ending(f, true, responderEndsFor) }},
	{"authority_ends", "CA 证书即将到期", Grave, func(f Facts) []Cause { return ending(f, false, authorityEndsFor) }},
	{"keys_down", "密钥设备不可用", Grave, func(f Facts) []Cause { return when(f.KeysDown) }},
	{"clock_untrusted", "时钟不可信", Grave, func(f Facts) []Cause { return when(f.ClockProblem) }},
	{"storage_low", "磁盘空间不足", Grave, func(f Facts) (all []Cause) {
		for _, s := range f.Storage {
			if s.Free < storageFree {
				all = append(all, Cause{s.Place, fmt.Sprint(s.Free>>20, " MB")})
			}
		}
		return all
	}},
	{AuditBroken, "审计链校验不通过", Grave, nil},
	{LogBroken, "签发透明日志校验不通过", Grave, nil},
	{"escrow_locked", "密钥管理中心已锁定", Warning, func(f Facts) []Cause { return when(f.EscrowLocked) }},
	{"job_failing", "后台任务连续失败", Warning, func(f Facts) (all []Cause) {
		for _, j := range f.Jobs {
			if j.Failures >= failuresMost {
				all = append(all, Cause{j.Name, strconv.Itoa(j.Failures)})
			}
		}
		return all
	}},
	{"message_dead", "任务多次重试后放弃", Warning, func(f Facts) []Cause { return counted(f.Dead) }},
	{"outbox_late", "任务积压", Warning, func(f Facts) []Cause { return counted(f.Late) }},
	{"issuance_stopped", "证书签发已停止", Warning, func(f Facts) []Cause { return when(f.Stopped) }},
	{testRule, "测试告警", Warning, nil},
}

func ruleOf(id string) Rule {
	for _, r := range Rules {
		if r.ID == id {
			return r
		}
	}
	panic("watch: no rule " + id)
}

func when(is bool) []Cause {
	if !is {
		return nil
	}
	return []Cause{{}}
}

func counted(by map[string]int64) (all []Cause) {
	for topic, n := range by {
		all = append(all, Cause{topic, fmt.Sprint(n)})
	}
	return all
}

func ending(f Facts, responders bool, margin time.Duration) (all []Cause) {
	for _, e := range f.Ends {
		if e.Responder == responders && e.At.Sub(f.At) < margin {
			all = append(all, Cause{e.Authority, e.At.UTC().Format(time.DateOnly)})
		}
	}
	return all
}
