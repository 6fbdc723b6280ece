package agent

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"signet/ca/pki"
	"signet/ukey/ticket"
)

// Pair binds this agent to the account that a code of the portal belongs to. The person sees portal, account
// and organisation before anything is bound, as the code may have come from somebody else.
//
// Nil/zero: with an empty code the dialogue asks for it.
// Errors: ErrCancelled, *PortalError (pairing_code_wrong, pairing_expired).
func (a *Agent) Pair(ctx context.Context, portalURL, code string) (Pairing, error) {
	origin, err := ParseOrigin(portalURL)
	if err != nil {
		return Pairing{}, err
	}
	p := &portal{origin: origin, http: a.c.HTTP}
	if code == "" {
		if code, err = a.askCode(ctx, origin); err != nil {
			return Pairing{}, err
		}
	}
	code = strings.ToUpper(strings.TrimSpace(code))
	shown, err := a.preview(ctx, p, code)
	if err != nil {
		return Pairing{}, fmt.Errorf("looking up the pairing code: %w", err)
	}
	if err := a.confirmPairing(ctx, shown); err != nil {
		return Pairing{}, err
	}
	pairing, err := a.confirm(ctx, p, code)
	if err != nil {
		return Pairing{}, fmt.Errorf("confirming the pairing: %w", err)
	}
	pairing.Account, pairing.Organisation = clean(shown.Account), clean(shown.Organisation)
	return pairing, a.c.State.SavePairing(pairing)
}

func (a *Agent) askCode(ctx context.Context, origin string) (string, error) {
	var t texts
	t.fact("网站", "Portal", origin)
	t.say("请输入网页上显示的配对码。", "Type the pairing code that the portal shows.")
	typed, err := a.c.Dialogue.Ask(ctx, Prompt{Title: title, Text: t.String(), Label: "配对码 Code", Accept: "继续 Next", Refuse: "取消 Cancel"})
	return string(typed), err
}

func (a *Agent) preview(ctx context.Context, p *portal, code string) (ticket.PairingPreview, error) {
	ctx, cancel := context.WithTimeout(ctx, answerFor)
	defer cancel()
	var shown ticket.PairingPreview
	if _, err := p.call(ctx, "POST", "/pairings/preview", ticket.PairingCode{Code: code}, &shown); err != nil {
		return shown, err
	}
	if shown.Portal != p.origin {
		return shown, fmt.Errorf("the portal calls itself %s, not %s", clean(shown.Portal), p.origin)
	}
	return shown, nil
}

func (a *Agent) confirmPairing(ctx context.Context, shown ticket.PairingPreview) error {
	var t texts
	t.say("要把这台电脑的 UKey 助手与下列账户配对吗?", "Pair the agent on this computer with this account?")
	t.fact("网站", "Portal", shown.Portal)
	t.fact("账户", "Account", shown.Account)
	t.fact("单位", "Organisation", shown.Organisation)
	t.say("只有这是您自己的账户时才同意。别人给您的配对码不要用。", "Agree only if this is your own account. Never use a code that somebody gave you.")
	return a.c.Dialogue.Confirm(ctx, Prompt{Title: title, Text: t.String(), Accept: "配对 Pair", Refuse: "取消 Cancel"})
}

// confirm makes the identity key and binds it.
func (a *Agent) confirm(ctx context.Context, p *portal, code string) (Pairing, error) {
	ctx, cancel := context.WithTimeout(ctx, answerFor)
	defer cancel()
	key, err := pki.GenerateKey(pki.P256, rand.Reader)
	if err != nil {
		return Pairing{}, err
	}
	spki, err := pki.MarshalPublicKey(key.Public())
	if err != nil {
		return Pairing{}, err
	}
	sig, err := ticket.SignPairing(key, code)
	if err != nil {
		return Pairing{}, err
	}
	var paired ticket.Paired
	if _, err := p.call(ctx, "POST", "/pairings/confirm", ticket.PairingConfirm{Code: code, PublicKey: spki,
		Name: a.name(), Version: a.c.Version, Signature: sig}, &paired); err != nil {
		return Pairing{}, err
	}
	return a.pairing(p.origin, key, paired)
}

func (a *Agent) name() string {
	if a.c.Name != "" {
		return a.c.Name
	}
	host, err := os.Hostname()
	if err != nil {
		return "ukeyd"
	}
	return host
}

// pairing checks the portal's answer before it is kept.
func (a *Agent) pairing(origin string, key crypto.Signer, paired ticket.Paired) (Pairing, error) {
	if paired.Portal != origin || paired.AgentID == "" || len(paired.TicketKeys) == 0 {
		return Pairing{}, errors.New("the portal's answer is incomplete or for another portal")
	}
	for _, k := range paired.TicketKeys {
		if _, err := k.Public(); err != nil {
			return Pairing{}, errors.New("the portal's ticket key cannot be used")
		}
	}
	pkcs8, err := pki.MarshalPrivateKey(key)
	if err != nil {
		return Pairing{}, err
	}
	return Pairing{Portal: origin, AgentID: paired.AgentID, PairedAt: a.c.Now().UTC().Truncate(time.Second),
		Key: pkcs8, TicketKeys: paired.TicketKeys}, nil
}
