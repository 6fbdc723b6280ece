package account

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"signet/api/problem"
)

// Nature is what kind of person an organisation is before the law.
//
// Nil/zero: "" = not known, as of imports.
type Nature string

// The natures.
// Source: S001-10, S000-10 (机关事业单位 are two here); 个体 product.md §2.2.
const (
	Enterprise  Nature = "enterprise"  // 企业
	Government  Nature = "government"  // 政府机构
	Institution Nature = "institution" // 事业单位
	Society     Nature = "society"     // 社会团体
	Military    Nature = "military"    // 军队院校
	Household   Nature = "household"   // 个体工商户
	Person      Nature = "person"      // 个人
)

// natureRule says what number goes with a nature.
type natureRule struct {
	prefixes []string // of the USCC: who registers such bodies
	orgCode  bool     // an organisation code will do where there is no USCC
}

// Source: GB 32100-2015 table 1 (first two characters of the USCC: registering authority and kind); S001-14 (the number must
// be of the nature, so no person's and no military one for a company).
var natureRules = map[Nature]natureRule{
	Enterprise:  {prefixes: []string{"91", "93", "3", "4", "6", "9990", "N", "Y"}},
	Household:   {prefixes: []string{"92"}},
	Government:  {prefixes: []string{"11", "19", "2"}, orgCode: true},
	Institution: {prefixes: []string{"12", "19", "3", "4"}, orgCode: true},
	Society:     {prefixes: []string{"13", "5", "7", "8", "Y"}, orgCode: true},
	Military:    {prefixes: []string{"A", "Y"}, orgCode: true},
}

// number is an ID number that fits its nature, normalised.
type number struct {
	uscc, orgCode string // of organisations
	resident      string // of persons; never stored as it is
}

// checkNumber holds a typed number to its nature.
//
// Errors: CodeNumberInvalid, field number, Params reason: length, charset, check_digit, date, nature.
func checkNumber(n Nature, typed string) (number, error) {
	text := NormaliseLogin(typed)
	if n == Person {
		if reason := checkResident(text, "number"); reason != nil {
			return number{}, reason
		}
		return number{resident: text}, nil
	}
	rule := natureRules[n]
	if len(text) == 9 && rule.orgCode {
		if w := CheckOrgCode(text); w != CodeFine {
			return number{}, badNumber("number", string(w))
		}
		return number{orgCode: text}, nil
	}
	if checkResident(text, "number") == nil || len(text) == 9 && CheckOrgCode(text) == CodeFine {
		return number{}, badNumber("number", "nature")
	}
	if w := CheckUSCC(text); w != CodeFine {
		return number{}, badNumber("number", string(w))
	}
	for _, p := range rule.prefixes {
		if strings.HasPrefix(text, p) {
			return number{uscc: text}, nil
		}
	}
	return number{}, badNumber("number", "nature")
}

func badNumber(field, reason string) error {
	return problem.New(problem.Invalid, problem.CodeNumberInvalid, "The number does not fit.").WithField(field).WithParam("reason", reason)
}

// checkResident examines a resident identity number (公民身份号码).
//
// Shape: normalised.
// Source: GB 11643-1999 (birth date in 7–14; check character ISO 7064 MOD 11-2).
func checkResident(id, field string) error {
	weights := [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	if len(id) != 18 {
		return badNumber(field, "length")
	}
	sum := 0
	for i, w := range weights {
		if id[i] < '0' || id[i] > '9' {
			return badNumber(field, "charset")
		}
		sum += int(id[i]-'0') * w
	}
	if id[17] != "10X98765432"[sum%11] {
		return badNumber(field, "check_digit")
	}
	born, err := time.Parse("20060102", id[6:14])
	if err != nil || born.Year() < 1900 || born.After(time.Now()) {
		return badNumber(field, "date")
	}
	return nil
}

// maskNumber shows where a number is from and how it ends: 3301**********002X.
func maskNumber(id string) string {
	if len(id) < 9 {
		return strings.Repeat("*", len(id))
	}
	return id[:4] + strings.Repeat("*", len(id)-8) + id[len(id)-4:]
}

// key is what no two open organisations may share: the organisation code that is in every USCC, or a keyed hash.
func (a *Accounts) uniqueKey(n number) string {
	switch {
	case n.resident != "":
		return "person:" + a.mac("resident", n.resident)
	case n.uscc != "":
		return "org:" + n.uscc[8:17]
	}
	return "org:" + n.orgCode
}

// typedKeys are the keys that a typed login may mean.
func (a *Accounts) typedKeys(typed string) []string {
	text := NormaliseLogin(typed)
	var keys []string
	if CheckUSCC(text) == CodeFine {
		keys = append(keys, a.uniqueKey(number{uscc: text}))
	}
	if CheckOrgCode(text) == CodeFine {
		keys = append(keys, a.uniqueKey(number{orgCode: text}))
	}
	if checkResident(text, "") == nil {
		keys = append(keys, a.uniqueKey(number{resident: text}))
	}
	return keys
}

var (
	domainName   = regexp.MustCompile(`(?i)^(https?://)?([a-z0-9-]+\.)+[a-z]{2,}(/.*)?$`)
	personName   = regexp.MustCompile(`^[\p{Han}]{1,20}([·•][\p{Han}]{1,20}){0,3}$|^[\p{Latin}][\p{Latin}'’. -]{1,60}$`)
	companyWords = regexp.MustCompile(`公司|集团|中心|合作社|事务所|研究院|委员会|大学|学院|学校|医院|政府|协会|学会|基金会|商行|经营部|工作室|(局|厅|部|厂|店|社)$`)
)

// checkName holds a name to its nature.
//
// Errors: CodeNameInvalid with the field, Params reason: length, charset, domain, nature.
func checkName(n Nature, name, field string) error {
	bad := func(reason string) error {
		return problem.New(problem.Invalid, problem.CodeNameInvalid, "The name does not fit.").WithField(field).WithParam("reason", reason)
	}
	size := utf8.RuneCountInString(name)
	switch {
	case size < 2 || size > 100:
		return bad("length")
	case line(name, 200) != name || !strings.ContainsFunc(name, unicode.IsLetter):
		return bad("charset") // S001-12: no digits or signs only
	case domainName.MatchString(name):
		return bad("domain")
	case n == Person && (companyWords.MatchString(name) || !personName.MatchString(name)):
		return bad("nature") // S001-13
	case n != Person && size < 4:
		return bad("nature") // shorter is a person's, or no full name as on the licence
	}
	return nil
}
