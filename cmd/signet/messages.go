package main

import (
	"errors"
	"fmt"
	"strings"

	"signet/api/notice"
	"signet/cmd/signet/keystore"
	"signet/cmd/signet/wiring"
)

// smsConfig connects one gateway for text messages; at most one may be configured. Each vendor wants every text filed as a template of its
// console: templates maps our names (sms_code, certificate_expiring …) to the vendor's. Texts without one are not sent by SMS.
type smsConfig struct {
	// Signature: texts begin with 【signature】, which the vendor must have admitted. Default 印信
	Signature string `yaml:"signature"`
	// Aliyun is 阿里云短信服务. Its templates use our names for variables, such as ${code}.
	Aliyun struct {
		KeyID     string            `yaml:"keyId"`     // AccessKey ID. Empty: off
		KeyFile   string            `yaml:"keyFile"`   // file with the AccessKey secret. Required
		Templates map[string]string `yaml:"templates"` // ours to TemplateCode; sms_code is required
	} `yaml:"aliyun"`
	// Tencent is 腾讯云短信. Its templates number our places in their order, such as {1}.
	Tencent struct {
		SecretID  string            `yaml:"secretId"`  // Empty: off
		KeyFile   string            `yaml:"keyFile"`   // file with the SecretKey. Required
		AppID     string            `yaml:"appId"`     // SmsSdkAppId. Required
		Region    string            `yaml:"region"`    // default ap-guangzhou
		Templates map[string]string `yaml:"templates"` // ours to TemplateId; sms_code is required
	} `yaml:"tencent"`
}

// mailConfig connects a mail server. TLS is always used.
type mailConfig struct {
	Host         string `yaml:"host"`         // Empty: off
	Port         int    `yaml:"port"`         // default 587, or 465 with implicitTLS
	ImplicitTLS  bool   `yaml:"implicitTLS"`  // TLS from the first byte instead of STARTTLS
	User         string `yaml:"user"`         // default: no login
	PasswordFile string `yaml:"passwordFile"` // with user
	From         string `yaml:"from"`         // the sender's address. Required
}

// checkMessages finds what can be seen to be wrong in sms and mail.
func (c *config) checkMessages() error {
	a, t, m := c.SMS.Aliyun, c.SMS.Tencent, c.Mail
	switch {
	case a.KeyID != "" && t.SecretID != "":
		return errors.New("sms: one of aliyun and tencent, not both")
	case a.KeyID == "" && (a.KeyFile != "" || len(a.Templates) > 0):
		return errors.New("sms.aliyun.keyId is missing")
	case a.KeyID != "" && (a.KeyFile == "" || a.Templates[notice.SMSCode] == ""):
		return errors.New("sms.aliyun needs keyFile and templates with sms_code")
	case t.SecretID == "" && (t.KeyFile != "" || t.AppID != "" || len(t.Templates) > 0):
		return errors.New("sms.tencent.secretId is missing")
	case t.SecretID != "" && (t.KeyFile == "" || t.AppID == "" || t.Templates[notice.SMSCode] == ""):
		return errors.New("sms.tencent needs keyFile, appId and templates with sms_code")
	case m.Host == "" && (m.From != "" || m.User != "" || m.PasswordFile != ""):
		return errors.New("mail.host is missing")
	case m.Host != "" && (m.From == "" || (m.User == "") != (m.PasswordFile == "")):
		return errors.New("mail needs from, and both or none of user and passwordFile")
	}
	return nil
}

// openMessages connects the gateways that are configured; none is asked anything yet.
func (c *config) openMessages(w *wiring.Config) error {
	if a := c.SMS.Aliyun; a.KeyID != "" {
		secret, err := c.secretLine(a.KeyFile)
		if err != nil {
			return fmt.Errorf("sms.aliyun: %w", err)
		}
		if w.SMS, err = notice.NewAliyun(notice.AliyunConfig{KeyID: a.KeyID, Secret: secret, Templates: a.Templates}); err != nil {
			return fmt.Errorf("sms.aliyun: %w", err)
		}
	}
	if t := c.SMS.Tencent; t.SecretID != "" {
		secret, err := c.secretLine(t.KeyFile)
		if err != nil {
			return fmt.Errorf("sms.tencent: %w", err)
		}
		if w.SMS, err = notice.NewTencent(notice.TencentConfig{SecretID: t.SecretID, Secret: secret, AppID: t.AppID, Region: t.Region, Templates: t.Templates}); err != nil {
			return fmt.Errorf("sms.tencent: %w", err)
		}
	}
	if m := c.Mail; m.Host != "" {
		password, err := "", error(nil)
		if m.PasswordFile != "" {
			if password, err = c.secretLine(m.PasswordFile); err != nil {
				return fmt.Errorf("mail: %w", err)
			}
		}
		if w.Mail, err = notice.NewSMTP(notice.SMTPConfig{Host: m.Host, Port: m.Port, Implicit: m.ImplicitTLS, User: m.User, Password: password, From: m.From}); err != nil {
			return fmt.Errorf("mail: %w", err)
		}
	}
	return nil
}

func (c *config) secretLine(file string) (string, error) {
	text, err := keystore.ReadSecret(c.path(file))
	return strings.TrimSpace(string(text)), err
}
