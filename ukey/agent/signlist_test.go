package agent

import (
	"context"
	"crypto"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"signet/ca/cms"
	"signet/ukey"
	"signet/ukey/ticket"
)

func documents(n int) []ticket.File {
	var files []ticket.File
	for i := range n {
		files = append(files, ticket.File{Name: fmt.Sprintf("投标文件 %d.pdf", i+1), Content: fmt.Appendf(nil, "第 %d 份", i+1)})
	}
	return files
}

func TestSignList(t *testing.T) {
	r := newRig(t)
	old := r.seed()
	files := documents(ticket.MaxFiles)
	files[1].Name = "b.pdf\n3. 别的.pdf"
	for _, style := range []ticket.Style{ticket.GMT0010, ticket.RFC5652} {
		var got ticket.SignResult
		r.result(r.portal.Dispatch(ticket.OpSign, testSerial, ticket.SignParams{Files: files, Detached: true, Style: style, SPKIHash: old.signHash}), &got)
		if len(got.Signatures) != len(files) || got.Signature != nil || got.Serial != testSerial {
			t.Fatalf("%d signatures for %d files", len(got.Signatures), len(files))
		}
		for i, sig := range got.Signatures {
			signed, err := cms.ParseSigned(sig)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := signed.Verify(files[i].Content, nil); err != nil {
				t.Errorf("%s: %v", files[i].Name, err)
			}
			if _, err := signed.Verify(files[(i+1)%len(files)].Content, nil); err == nil {
				t.Errorf("the signature of %s fits another file", files[i].Name)
			}
		}
	}
	asked := r.person.prompts()
	if len(asked) != 2 {
		t.Fatalf("%d questions for two lists", len(asked))
	}
	for i, f := range files {
		line := fmt.Sprintf("%d. %s · %s · %s", i+1, clean(f.Name), size(len(f.Content)), shortDigest(f.Content))
		if !strings.Contains(asked[0].Text, "\n"+line) {
			t.Errorf("not shown: %s", line)
		}
	}
	if strings.Contains(asked[0].Text, "\n3. 别的.pdf") || !strings.Contains(asked[0].Text, "下列 50 份文件") {
		t.Errorf("a forged or missing line:\n%s", asked[0].Text)
	}
}

func TestSignListBounds(t *testing.T) {
	r := newRig(t)
	old := r.seed()
	large := ticket.File{Name: "a", Content: make([]byte, ticket.MaxContent)}
	for name, in := range map[string]ticket.SignParams{
		"too many":           {Files: documents(ticket.MaxFiles + 1)},
		"too large together": {Files: []ticket.File{large, large, large, large, {Name: "b", Content: []byte("b")}}},
		"one too large":      {Files: []ticket.File{{Name: "a", Content: make([]byte, ticket.MaxContent+1)}}},
		"a file beside it":   {Name: "a", Content: []byte("a"), Files: documents(2)},
		"one nameless":       {Files: append(documents(2), ticket.File{Content: []byte("x")})},
		"one empty":          {Files: append(documents(2), ticket.File{Name: "x"})},
		"one for the portal": {Files: append(documents(2), ticket.File{Name: "x", Content: ticket.ProveMessage("https://bank.example", nil)}), Style: ticket.Raw},
	} {
		if in.Style == "" {
			in.Style = ticket.GMT0010
		}
		in.SPKIHash = old.signHash
		t.Run(name, func(t *testing.T) {
			r.refused(r.portal.Dispatch(ticket.OpSign, testSerial, in), ticket.OperationRefused)
		})
	}
	if n := len(r.person.prompts()); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

// TestSignListChanged: what is signed is what the ticket was made for and the dialogue showed. A page that swaps, adds or drops a file
// gets nothing, and the consent to one list is none to another.
func TestSignListChanged(t *testing.T) {
	r := newRig(t)
	old := r.seed()
	list := func(files []ticket.File) ticket.SignParams {
		return ticket.SignParams{Files: files, Detached: true, Style: ticket.GMT0010, SPKIHash: old.signHash}
	}
	agreed := r.portal.Ticket(r.portal.Dispatch(ticket.OpSign, testSerial, list(documents(3))), r.id)
	for name, files := range map[string][]ticket.File{
		"swapped": append(documents(2), ticket.File{Name: "投标文件 3.pdf", Content: []byte("另一份")}),
		"added":   documents(4),
		"dropped": documents(2),
	} {
		raw, err := json.Marshal(list(files))
		if err != nil {
			t.Fatal(err)
		}
		changed := agreed
		changed.Params = raw
		if o := r.agent.Do(t.Context(), r.gate, changed, nil); o.Problem == nil || o.Problem.Code != ticket.TicketInvalid || o.Result != nil {
			t.Errorf("%s: %+v", name, o)
		}
	}
	if n := len(r.person.prompts()); n != 0 {
		t.Fatalf("asked %d times", n)
	}
	if o := r.agent.Do(t.Context(), r.gate, agreed, nil); o.Problem != nil {
		t.Fatal(o.Problem)
	}
	if o := r.agent.Do(t.Context(), r.gate, agreed, nil); o.Problem == nil || o.Problem.Code != ticket.TicketReplayed {
		t.Errorf("the list again: %+v", o)
	}
	r.result(r.portal.Dispatch(ticket.OpSign, testSerial, list(documents(4))), &ticket.SignResult{})
	if n := len(r.person.prompts()); n != 2 {
		t.Errorf("asked %d times for two lists", n)
	}
}

// TestSignListCut: a list that is cut off in the middle (the agent killed or stopped, the key pulled) is not signed at all: nothing has left
// the agent. Started again it is shown again, and takes one PIN again.
func TestSignListCut(t *testing.T) {
	for _, how := range []string{"stopped", "pulled"} {
		t.Run(how, func(t *testing.T) {
			signs, cut := 0, func(int) error { return nil }
			r := newRig(t, func(c *Config) {
				c.Drivers = []ukey.Driver{countingDriver{c.Drivers[0], func() error { signs++; return cut(signs) }}}
			})
			old := r.seed()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			cut = func(n int) error {
				if n != 3 {
					return nil
				}
				if how == "pulled" {
					r.pull()
					return ukey.ErrRemoved
				}
				stop()
				return nil
			}
			j := r.portal.Dispatch(ticket.OpSign, testSerial, ticket.SignParams{Files: documents(5), Style: ticket.GMT0010, SPKIHash: old.signHash})
			o := r.agent.Do(ctx, r.gate, r.portal.Ticket(j, r.id), nil)
			want := map[string]ticket.Code{"stopped": ticket.AgentStopped, "pulled": ticket.KeyPulled}[how]
			if o.Result != nil || o.Problem == nil || o.Problem.Code != want || signs != 3 {
				t.Fatalf("%+v after %d signatures", o, signs)
			}
			if how == "pulled" {
				r.plug()
			}
			r.session().Close() // logged out, not busy
			cut = func(int) error { return nil }
			var got ticket.SignResult
			r.result(j, &got)
			if n := len(r.person.prompts()); n != 2 || len(got.Signatures) != 5 {
				t.Errorf("%d questions, %d signatures", n, len(got.Signatures))
			}
		})
	}
}

// countingDriver calls before each signature.
type countingDriver struct {
	ukey.Driver
	before func() error
}

type (
	countingToken struct {
		ukey.Token
		before func() error
	}
	countingSession struct {
		ukey.Session
		before func() error
	}
	countingSigner struct {
		crypto.Signer
		before func() error
	}
)

func (d countingDriver) Tokens(ctx context.Context) ([]ukey.Token, error) {
	all, err := d.Driver.Tokens(ctx)
	for i := range all {
		all[i] = countingToken{all[i], d.before}
	}
	return all, err
}

func (t countingToken) Login(ctx context.Context, pin ukey.PIN) (ukey.Session, error) {
	s, err := t.Token.Login(ctx, pin)
	if err != nil {
		return nil, err
	}
	return countingSession{s, t.before}, nil
}

func (s countingSession) Signer(id ukey.KeyID) (crypto.Signer, error) {
	signer, err := s.Session.Signer(id)
	return countingSigner{signer, s.before}, err
}

func (s countingSigner) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if err := s.before(); err != nil {
		return nil, err
	}
	return s.Signer.Sign(rand, digest, opts)
}
