package account

import (
	"slices"
	"strings"

	"signet/api/problem"
)

// narrowed are the verbs whose objects lie in a project or belong to an organisation of a region, so that a role bounded to some of them
// may have these verbs: whoever lists or reads such objects cuts them down with Bounds. Every other verb of staff takes a role without
// bounds.
var narrowed = []Verb{
	FinanceRead, FinanceOrders, RefundAct, ReviewerRead, ReviewerAct, ApproverAct, ShipmentRead, ShipmentAct, SealRead, SealAct, WindowAct,
	ContentRead, ContentAct, ContentPublish, TokenRead, TokenAct, TokenFlash, StatisticsRead,
}

// unbounded reports whether a role that the actor holds reaches everything.
func (a Actor) unbounded(role Role) bool {
	bounded := false
	for _, s := range a.Reaches {
		if s.Role == role && s.Project == "" && s.Region == "" {
			return true
		}
		bounded = bounded || s.Role == role
	}
	return !bounded
}

// reaches reports whether verb may be used through a role of this actor at all: bounded ones have only what can be narrowed, and what
// everybody does for themselves.
func (a Actor) reaches(role Role, verb Verb) bool {
	return a.unbounded(role) || slices.Contains(narrowed, verb) || slices.Contains(everyStaff, verb)
}

// Bounds is the condition on rows of a listing that makes them ones the actor may do verb to.
//
// Shape: project and organisation are SQL expressions, of a project's slug and an organisation's id; "" = the rows have none, and no role
// bounded by it covers them. They come from code, never from a caller.
// Nil/zero: an empty condition = everything.
// Source: S000-31.
func (a Actor) Bounds(verb Verb, project, organisation string) (condition string, args []any) {
	reaches, all := a.Within(verb)
	if all {
		return "", nil
	}
	either := []string{"1 = 0"}
	for _, r := range reaches {
		if c, more, some := r.condition(project, organisation); some {
			either, args = append(either, "("+c+")"), append(args, more...)
		}
	}
	return "(" + strings.Join(either, " OR ") + ")", args
}

// condition is that of one reach; some is false where it covers nothing.
func (r Reach) condition(project, organisation string) (condition string, args []any, some bool) {
	var both []string
	if r.Project != "" {
		if project == "" {
			return "", nil, false
		}
		both, args = append(both, project+" = ?"), append(args, r.Project)
	}
	if r.Region != "" {
		prefix, known := regionPrefix(r.Region)
		if organisation == "" || !known {
			return "", nil, false
		}
		both, args = append(both, organisation+" IN (SELECT id FROM acct_organisations WHERE uscc LIKE ?)"), append(args, "__"+prefix+"%")
	}
	return strings.Join(both, " AND "), args, true
}

// regionPrefix is how the third and following characters of a USCC begin in a region: they are the registering authority's division code.
// 330000 is the whole province.
//
// Nil/zero: not known for what is finer than a USCC says.
// Source: GB 32100-2015 §4, GB/T 2260.
func regionPrefix(region string) (string, bool) {
	if len(region) > 6 {
		return "", false
	}
	for len(region) > 2 && len(region)%2 == 0 && strings.HasSuffix(region, "00") {
		region = strings.TrimSuffix(region, "00")
	}
	return region, true
}

// Covers reports whether the actor may do verb to all of a project, not only to a region's part of it.
func (a Actor) Covers(verb Verb, project string) bool {
	reaches, all := a.Within(verb)
	return all || slices.ContainsFunc(reaches, func(r Reach) bool { return r.Region == "" && r.Project == project })
}

// CanAll is Can for what belongs to no project and no region, such as a bank statement: a role that is bounded does not reach it.
//
// Errors: those of Can; CodeForbidden.
func CanAll(actor Actor, verb Verb) error {
	if err := Can(actor, verb); err != nil {
		return err
	}
	if _, all := actor.Within(verb); !all {
		return problem.New(problem.Denied, problem.CodeForbidden, "Your role is bounded to projects or regions; this belongs to none of them.")
	}
	return nil
}
