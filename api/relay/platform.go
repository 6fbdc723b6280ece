package relay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ukey/ticket"
)

// PlatformGrant signs a grant for a page of a filed application, whose server drew the nonce.
//
// Shape: session names the grant in PlatformTicket; it is good for ten minutes.
// Errors: CodeForbidden for an origin that is not this key's, CodeAgentUnknown, CodeTicketInvalid (signature).
func (r *Relay) PlatformGrant(ctx context.Context, app account.ConnectedRA, origin string, nonce []byte, reply ticket.HelloReply) (grant, session string, err error) {
	if !app.Application {
		return "", "", errNoApplication
	}
	if err := r.siteOf(ctx, app.KeyID, origin); err != nil {
		return "", "", err
	}
	agent, err := r.agent(ctx, reply.AgentID)
	if err != nil {
		return "", "", err
	}
	if agent == nil {
		return "", "", problem.New(problem.Denied, problem.CodeAgentUnknown, "The agent is not paired with this portal.")
	}
	session = "app_" + ticket.NewID()
	grant, err = r.grant(ctx, agent, nonce, reply, grantRow{SessionID: session, Origin: origin, KeyID: app.KeyID}, app.KeyID)
	return grant, session, err
}

var errNoApplication = problem.New(problem.Denied, problem.CodeForbidden, "This API key is not an application's.")

// PlatformRequest is what a filed application's server wants a key to do for its page.
//
// Shape: Params is one of ticket's ListParams, ProveParams (the origin is filled in), SignParams and DecryptParams.
// Nil/zero: TokenSerial "" where the parameters name the key.
type PlatformRequest struct {
	AgentID     string
	Session     string // of PlatformGrant
	TokenSerial string
	Params      any
}

// PlatformTicket signs a ticket for one operation under a grant.
//
// Errors: CodeForbidden for an origin struck off, CodeTicketExpired for a grant that is over or another key's, CodeInvalidField,
// CodePayloadTooLarge; CodeMissingField without a key named.
func (r *Relay) PlatformTicket(ctx context.Context, app account.ConnectedRA, q PlatformRequest) (*ticket.Job, error) {
	if !app.Application {
		return nil, errNoApplication
	}
	g, err := r.granted(ctx, grantID(q.Session, q.AgentID))
	if err != nil {
		return nil, err
	}
	if g == nil || g.KeyID != app.KeyID {
		return nil, problem.New(problem.Denied, problem.CodeTicketExpired, "The page's grant is over; let it connect again.").WithField("session")
	}
	if err := r.siteOf(ctx, app.KeyID, g.Origin); err != nil {
		return nil, err
	}
	op, params, display, err := platformParams(g.Origin, q)
	if err != nil {
		return nil, err
	}
	jws, id, err := r.Ticket(ticket.Claims{Agent: g.AgentID, Session: g.SessionID, Op: op, Serial: q.TokenSerial,
		ParamsHash: ticket.ParamsHash(params), Actor: app.KeyID, Display: display})
	if err != nil {
		return nil, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		err := tx.DB().Model(&grantRow{}).Where("id = ?", g.ID).Update("expires_at", store.Millis(r.now().Add(grantOpenFor))).Error
		if err != nil {
			return err
		}
		return tx.Audit(app.KeyID, "app.ticket", id, map[string]any{
			"op": string(op), "agent": g.AgentID, "origin": g.Origin, "token": q.TokenSerial, "params": ticket.ParamsHash(params)})
	})
	if err != nil {
		return nil, fmt.Errorf("recording ticket: %w", err)
	}
	return &ticket.Job{ID: id, Ticket: jws, Params: params}, nil
}

// platformParams holds an application's parameters to the operation they are for, and says what the dialogue shows of them.
func platformParams(origin string, q PlatformRequest) (op ticket.Op, params json.RawMessage, display []ticket.Line, err error) {
	switch p := q.Params.(type) {
	case ticket.ListParams:
		op = ticket.OpList
	case ticket.ProveParams:
		op, p.Origin = ticket.OpProve, origin
		q.Params, err = p, checkProve(q.TokenSerial, p)
	case ticket.SignParams:
		op = ticket.OpSign
		display, err = signLines(p)
	case ticket.DecryptParams:
		op = ticket.OpDecrypt
		if len(p.PageKey) != 65 || p.PageKey[0] != 4 {
			return "", nil, nil, wrong("pageKey", "The page's key is an uncompressed P-256 point.")
		}
		display, err = documentLines(p.Name, p.Envelope, ticket.MaxEnvelope)
	default:
		err = problem.New(problem.Denied, problem.CodeOperationRefused, "An application may list, prove, sign and decrypt.").WithField("op")
	}
	if err != nil {
		return "", nil, nil, err
	}
	params, err = json.Marshal(q.Params)
	return op, params, display, err
}

func checkProve(serial string, p ticket.ProveParams) error {
	if len(p.Nonce) < 16 || len(p.Nonce) > 64 {
		return wrong("nonce", "The nonce has 16 to 64 bytes.")
	}
	return needsKey(serial, p.SPKIHash)
}

func signLines(p ticket.SignParams) ([]ticket.Line, error) {
	switch {
	case p.Style != ticket.GMT0010 && p.Style != ticket.RFC5652 && p.Style != ticket.Raw:
		return nil, wrong("style", "There is no such style.")
	case p.CheckList() != nil:
		return nil, errList
	}
	if err := needsKey("", p.SPKIHash); err != nil {
		return nil, err
	}
	var display []ticket.Line
	for _, f := range p.Documents() {
		lines, err := documentLines(f.Name, f.Content, ticket.MaxContent)
		if err != nil {
			return nil, err
		}
		if p.Style == ticket.Raw && bytes.HasPrefix(f.Content, []byte(ticket.ReservedPrefix)) {
			return nil, wrong("content", "A raw signature over this content could be mistaken for a proof.")
		}
		display = lines
	}
	if len(p.Files) > 0 { // the agent shows the list itself
		display = nil
	}
	return display, nil
}

var errList = problem.New(problem.Invalid, problem.CodePayloadTooLarge, "A list has at most 50 documents, 1 MiB together, and no document beside it.").
	WithField("files").WithParam("most", ticket.MaxContents)

func wrong(field, detail string) error {
	return problem.New(problem.Invalid, problem.CodeInvalidField, detail).WithField(field)
}

// needsKey wants a token or a key named: an application may not leave the choice to chance.
func needsKey(serial string, spkiHash []byte) error {
	if serial == "" && len(spkiHash) != sha256.Size || len(spkiHash) != 0 && len(spkiHash) != sha256.Size {
		return problem.New(problem.Invalid, problem.CodeMissingField, "Name the key by the SHA-256 of its public key.").WithField("spkiHash")
	}
	return nil
}

func documentLines(name string, content []byte, most int) ([]ticket.Line, error) {
	switch {
	case name == "" || plainLine(name, 200) != name:
		return nil, wrong("name", "The document needs a name of at most 200 characters on one line.")
	case len(content) == 0:
		return nil, wrong("content", "The document is empty.")
	case len(content) > most:
		return nil, problem.New(problem.Invalid, problem.CodePayloadTooLarge, "The document is too large.").WithField("content").WithParam("most", most)
	}
	sum := sha256.Sum256(content)
	return []ticket.Line{{Label: "文件 File", Value: name}, {Label: "SHA-256", Value: hex.EncodeToString(sum[:])}}, nil
}
