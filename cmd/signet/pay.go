package main

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"signet/api/pay"
	"signet/cmd/signet/keystore"
	"signet/cmd/signet/wiring"
)

// payConfig connects payment platforms. Each is off while its appId is empty; bank transfer needs neither. The platforms send their notices to
// https://PORTAL/pay/wechat/notice and https://PORTAL/pay/alipay/notice, by the first of origins.
type payConfig struct {
	// WeChat is WeChat Pay, API v3, Native, with the platform's public key.
	WeChat struct {
		AppID           string `yaml:"appId"`           // application that the merchant is bound to. Empty: off
		MerchantID      string `yaml:"merchantId"`      // Required
		Serial          string `yaml:"serial"`          // serial number of the merchant's API certificate, in hex. Required
		KeyFile         string `yaml:"keyFile"`         // PEM file with that certificate's private key. Required
		APIKeyFile      string `yaml:"apiKeyFile"`      // file with the APIv3 key, 32 characters. Required
		PlatformKeyID   string `yaml:"platformKeyId"`   // PUB_KEY_ID_… of the platform's public key. Required
		PlatformKeyFile string `yaml:"platformKeyFile"` // PEM file with it. Required
	} `yaml:"wechat"`
	// Alipay is 支付宝, 当面付, in public key mode.
	Alipay struct {
		AppID           string `yaml:"appId"`           // Empty: off
		KeyFile         string `yaml:"keyFile"`         // PEM file with the application's private key. Required
		PlatformKeyFile string `yaml:"platformKeyFile"` // PEM file with Alipay's public key for this application. Required
		Gateway         string `yaml:"gateway"`         // address to ask, such as the sandbox's. Default: Alipay's own
	} `yaml:"alipay"`
}

// checkPay finds what can be seen to be wrong in pay.
func (c *config) checkPay() error {
	w, a := c.Pay.WeChat, c.Pay.Alipay
	if w.AppID != "" && (w.MerchantID == "" || w.Serial == "" || w.KeyFile == "" || w.APIKeyFile == "" || w.PlatformKeyID == "" || w.PlatformKeyFile == "") {
		return errors.New("pay.wechat needs merchantId, serial, keyFile, apiKeyFile, platformKeyId and platformKeyFile")
	}
	if w.AppID == "" && (w.MerchantID != "" || w.KeyFile != "") {
		return errors.New("pay.wechat.appId is missing")
	}
	if a.AppID != "" && (a.KeyFile == "" || a.PlatformKeyFile == "") {
		return errors.New("pay.alipay needs keyFile and platformKeyFile")
	}
	if a.AppID == "" && a.KeyFile != "" {
		return errors.New("pay.alipay.appId is missing")
	}
	if a.Gateway != "" {
		if u, err := url.Parse(a.Gateway); err != nil || u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("pay.alipay.gateway %q is not an https address", a.Gateway)
		}
	}
	if (w.AppID != "" || a.AppID != "") && !strings.HasPrefix(c.Origins[0], "https://") {
		return errors.New("pay: the platforms send notices to https only, and the first of origins is not")
	}
	return nil
}

// openPay connects the platforms that are configured; none is asked anything yet.
func (c *config) openPay(w *wiring.Config) error {
	w.Gateways = map[string]pay.Gateway{}
	if we := c.Pay.WeChat; we.AppID != "" {
		gateway, err := c.openWeChat()
		if err != nil {
			return fmt.Errorf("pay.wechat: %w", err)
		}
		w.Gateways[pay.NameWeChat] = gateway
	}
	if a := c.Pay.Alipay; a.AppID != "" {
		key, err := c.readPrivate(a.KeyFile)
		if err != nil {
			return fmt.Errorf("pay.alipay: %w", err)
		}
		platform, err := c.readPublic(a.PlatformKeyFile)
		if err != nil {
			return fmt.Errorf("pay.alipay: %w", err)
		}
		gateway, err := pay.NewAlipay(pay.AlipayConfig{AppID: a.AppID, Key: key, PlatformKey: platform, Gateway: a.Gateway, NoticeURL: c.noticeURL(pay.NameAlipay)})
		if err != nil {
			return err
		}
		w.Gateways[pay.NameAlipay] = gateway
	}
	return nil
}

func (c *config) noticeURL(name string) string { return c.Origins[0] + "/pay/" + name + "/notice" }

func (c *config) openWeChat() (*pay.WeChat, error) {
	we := c.Pay.WeChat
	key, err := c.readPrivate(we.KeyFile)
	if err != nil {
		return nil, err
	}
	platform, err := c.readPublic(we.PlatformKeyFile)
	if err != nil {
		return nil, err
	}
	apiKey, err := keystore.ReadSecret(c.path(we.APIKeyFile))
	if err != nil {
		return nil, err
	}
	return pay.NewWeChat(pay.WeChatConfig{
		AppID: we.AppID, MerchantID: we.MerchantID, Serial: we.Serial, Key: key, APIKey: strings.TrimSpace(string(apiKey)),
		PlatformKeyID: we.PlatformKeyID, PlatformKey: platform, NoticeURL: c.noticeURL(pay.NameWeChat),
	})
}

// readDER reads a key as PEM, or as the bare base64 that Alipay's own tool writes.
func (c *config) readDER(file string) ([]byte, error) {
	text, err := keystore.ReadSecret(c.path(file))
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(text); block != nil {
		return block.Bytes, nil
	}
	der, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%s holds no key", file)
	}
	return der, nil
}

func (c *config) readPrivate(file string) (*rsa.PrivateKey, error) {
	der, err := c.readDER(file)
	if err != nil {
		return nil, err
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if private, ok := key.(*rsa.PrivateKey); err == nil && ok {
		return private, nil
	}
	return nil, fmt.Errorf("%s holds no RSA private key", file)
}

func (c *config) readPublic(file string) (*rsa.PublicKey, error) {
	der, err := c.readDER(file)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if public, ok := key.(*rsa.PublicKey); err == nil && ok {
		return public, nil
	}
	return nil, fmt.Errorf("%s holds no RSA public key", file)
}
