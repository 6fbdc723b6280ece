package agenttest

import (
	"encoding/json"
	"fmt"
	"net/http"

	"signet/ukey"
	"signet/ukey/ticket"
)

// Custody is what the portal knows of the officer's PIN of one token.
type Custody struct {
	Version   int
	First     ukey.PIN // of version 0; nil: not known
	Work      string   // that was given the next one and has not reported; "" = none
	Transport ukey.PIN
	Asked     int
}

// PIN is the officer's PIN of a version.
func (c *Custody) PIN(serial string, version int) ukey.PIN {
	if version == 0 {
		return append(ukey.PIN(nil), c.First...)
	}
	return ukey.PIN(fmt.Sprintf("So%d-of-%s", version, serial))
}

// secrets answers the step of the officer's PINs. The caller holds the portal's lock.
func (p *Portal) secrets(j *Job, body []byte) (any, error) {
	var in ticket.SOStep
	var params ticket.OfficerParams
	if json.Unmarshal(body, &in) != nil || json.Unmarshal(j.Params, &params) != nil {
		return nil, &Refusal{http.StatusBadRequest, "malformed_body"}
	}
	c := p.Custody[in.Serial]
	if c == nil || in.Serial != j.Serial {
		return nil, &Refusal{http.StatusNotFound, "not_found"}
	}
	c.Asked++
	s := ticket.SOSecrets{From: c.Version, To: c.Version + 1, InDoubt: c.Work != "" && c.Work != params.Work,
		Next: c.PIN(in.Serial, c.Version+1), Transport: c.Transport}
	if c.Version > 0 || c.First != nil {
		s.Current = c.PIN(in.Serial, c.Version)
	}
	if c.Work == "" {
		c.Work = params.Work
	}
	sealed, err := ticket.SealSecrets(in.SessionKey, j.ID, j.jti, in.Serial, s)
	return ticket.SOReply{Sealed: sealed}, err
}
