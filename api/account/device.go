package account

import (
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm/clause"

	"signet/api/notice"
	"signet/api/store"
)

// keepDevices is how long a browser is remembered after its last login. Source: browsers keep no cookie longer (RFC 6265bis, 400 days).
const keepDevices = 400 * day

// deviceRow is a row of acct_devices.
type deviceRow struct {
	AccountID  string `gorm:"primaryKey"`
	DeviceHash string `gorm:"primaryKey"`
	FirstAt    int64
	SeenAt     int64
}

// TableName names the table for gorm.
func (deviceRow) TableName() string { return "acct_devices" }

// NewDevice draws what a browser is known by at its next login.
func (a *Accounts) NewDevice() (Token, error) { return a.drawToken() }

// device gives the hash of the browser's cookie; empty where none is kept.
func (r LoginRequest) device() string {
	if r.deviceHash != "" || r.Device == "" {
		return r.deviceHash
	}
	return tokenHash(r.Device)
}

// noteDevice remembers the browser of a login, and tells the person of one that was not seen before. The account's first is no news.
func (a *Accounts) noteDevice(tx *store.Tx, accountID string, req LoginRequest) error {
	hash := req.device()
	if hash == "" {
		return nil
	}
	now := store.Millis(tx.Now())
	var known []deviceRow
	if err := tx.DB().Where("account_id = ?", accountID).Order("seen_at DESC").Limit(1).Find(&known).Error; err != nil {
		return fmt.Errorf("reading devices: %w", err)
	}
	seen := tx.DB().Model(&deviceRow{}).Where("account_id = ? AND device_hash = ?", accountID, hash).Update("seen_at", now)
	if seen.Error != nil {
		return fmt.Errorf("noting a device: %w", seen.Error)
	}
	if seen.RowsAffected > 0 {
		return nil
	}
	row := deviceRow{accountID, hash, now, now}
	made := tx.DB().Clauses(clause.OnConflict{DoNothing: true}).Create(&row) // MySQL counts a row that did not change as not affected
	if made.Error != nil {
		return fmt.Errorf("noting a device: %w", made.Error)
	}
	if len(known) == 0 || made.RowsAffected == 0 {
		return nil
	}
	name, english := deviceName(req.UserAgent)
	return a.tellAccount(tx, accountID, notice.LoginNewDevice, "login",
		map[string]string{"at": tx.Now().In(china).Format("2006-01-02 15:04"), "device": name, "address": orDash(address(req.Address))}, map[string]string{"device": english})
}

// china is the time zone of texts.
var china = time.FixedZone("UTC+8", 8*60*60)

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// tellAccount sends a security notice to all contacts of an account; the template takes contact beside params.
func (a *Accounts) tellAccount(tx *store.Tx, accountID, template, purpose string, params, english map[string]string) error {
	row, err := findAccount(tx.DB(), accountID)
	if err != nil {
		return err
	}
	numbers, err := Contacts(tx, accountID)
	if err != nil {
		return err
	}
	params["contact"] = a.c.ContactPhone(row.ProjectSlug)
	for _, number := range numbers {
		if err := a.c.Notice.Send(tx, notice.Message{To: number, Template: template, Purpose: purpose, Params: params, English: english}); err != nil {
			return err
		}
	}
	return a.personalEvent(tx, row.ID, template, params)
}

// deviceName says in two words what a browser calls itself, in Chinese and English; the rest of the header is nobody's business.
func deviceName(userAgent string) (chinese, english string) {
	pick := func(names []string, otherwise string) string {
		for _, n := range names {
			sign, name, _ := strings.Cut(n, "=")
			if strings.Contains(userAgent, sign) {
				return name
			}
		}
		return otherwise
	}
	// The first that fits: Edge calls itself Chrome too, Chrome calls itself Safari, Android calls itself Linux.
	browser := pick([]string{"MicroMessenger=WeChat", "Edg/=Edge", "Firefox/=Firefox", "Chrome/=Chrome", "Safari/=Safari"}, "")
	system := pick([]string{"Android=Android", "iPhone=iPhone", "iPad=iPad", "Windows=Windows", "Mac OS X=macOS", "Linux=Linux"}, "")
	switch {
	case browser == "" && system == "":
		return "未知设备", "an unknown device"
	case browser == "" || system == "":
		return browser + system, browser + system
	}
	return browser + " / " + system, browser + " / " + system
}

// factorNames are what second factors are called in notices, in Chinese and English.
var factorNames = map[FactorKind][2]string{FactorTOTP: {"动态口令", "authenticator"}, FactorPhone: {"手机扫码", "phone"}}

// tellFactor tells that a second factor came or went; no kind stands for all of them.
func (a *Accounts) tellFactor(tx *store.Tx, accountID, template string, kind FactorKind) error {
	name, known := factorNames[kind]
	if !known {
		name = [2]string{"全部", "all of them"}
	}
	return a.tellAccount(tx, accountID, template, "factor", map[string]string{"factor": name[0]}, map[string]string{"factor": name[1]})
}

// tellKey tells everyone of an organisation that an API key came or went.
func (a *Accounts) tellKey(tx *store.Tx, organisationID, template, name string) error {
	organisation, err := FindOrganisation(tx, organisationID)
	if err != nil {
		return err
	}
	numbers, err := OrganisationContacts(tx, organisationID)
	if err != nil {
		return err
	}
	params := map[string]string{"organisation": organisation.Name, "key": name, "contact": a.c.ContactPhone("")}
	for _, number := range numbers {
		if err := a.c.Notice.Send(tx, notice.Message{To: number, Template: template, Purpose: "apikey", Params: params}); err != nil {
			return err
		}
	}
	return a.event(tx, organisationID, "", template, params)
}
