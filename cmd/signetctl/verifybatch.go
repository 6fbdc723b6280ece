package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"signet/ca/path"
	"signet/ca/pki"
)

// maxBatchLine bounds one line; a CRL of a million entries takes 60 MB in base64.
const maxBatchLine = 128 << 20

// Codes beside those of package path.
const (
	badRequest    path.Code = "bad_request" // the line asks nothing that could be answered
	internalFault path.Code = "internal"    // a fault of our own
)

// batchQuestion is one line of a batch. What it does not know it ignores, so that callers can keep notes of their own.
type batchQuestion struct {
	ID             json.RawMessage `json:"id"`
	Cert           string          `json:"cert"`
	Chain          []string        `json:"chain"`
	Roots          []string        `json:"roots"`
	CRLs           []string        `json:"crls"`
	OCSP           []string        `json:"ocsp"`
	Time           string          `json:"time"`
	Policies       []string        `json:"policies"`
	ExplicitPolicy bool            `json:"explicit_policy"`
	InhibitMapping bool            `json:"inhibit_mapping"`
	InhibitAny     bool            `json:"inhibit_any"`
	Purpose        string          `json:"purpose"`
	Name           string          `json:"name"`
}

// batchAnswer is the line that answers it.
type batchAnswer struct {
	ID      json.RawMessage `json:"id"`
	Valid   bool            `json:"valid"`
	Reasons []path.Reason   `json:"reasons"`
}

// verifyBatch answers line by line, an empty one too, so that answers can be counted off; it stops at nothing but a broken pipe.
func verifyBatch(from io.Reader, to io.Writer) error {
	in, out := bufio.NewReaderSize(from, 1<<16), bufio.NewWriter(to)
	for {
		line, tooLong, err := nextLine(in)
		if len(line) > 0 || tooLong {
			if err := writeLine(out, answerLine(line, tooLong)); err != nil {
				return err
			}
			if in.Buffered() == 0 { // whoever waits for the answer before asking on gets it
				if err := out.Flush(); err != nil {
					return err
				}
			}
		}
		if err != nil {
			flushed := out.Flush()
			if errors.Is(err, io.EOF) {
				return flushed
			}
			return err
		}
	}
}

// nextLine reads a line without holding on to more of it than maxBatchLine.
func nextLine(in *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > maxBatchLine {
			line, tooLong = nil, true
		} else if !tooLong {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, tooLong, err
		}
	}
}

// answerLine never fails and never panics: a fault of the engine's own on one line must not take the other lines' answers along.
func answerLine(line []byte, tooLong bool) (a batchAnswer) {
	a.ID = json.RawMessage("null")
	defer func() {
		if p := recover(); p != nil {
			a = refusal(a.ID, internalFault, "could not be examined")
		}
	}()
	if tooLong {
		return refusal(a.ID, badRequest, fmt.Sprintf("line of more than %d MiB", maxBatchLine>>20))
	}
	a.ID = lineID(line)
	var q batchQuestion
	if err := json.Unmarshal(line, &q); err != nil {
		return refusal(a.ID, badRequest, oneLine(err))
	}
	o, spoilt, err := q.options()
	if err != nil {
		return refusal(a.ID, badRequest, oneLine(err))
	}
	der, err := base64.StdEncoding.DecodeString(q.Cert)
	if err != nil {
		return refusal(a.ID, badRequest, "cert is not base64")
	}
	leaf, err := pki.ParseCertificate(der)
	if err != nil {
		return batchAnswer{ID: a.ID, Reasons: []path.Reason{unreadable(err)}}
	}
	v := verdictOf(path.Verify(leaf, o))
	if !v.Valid {
		v.Reasons = append(v.Reasons, spoilt...)
	}
	return batchAnswer{ID: a.ID, Valid: v.Valid, Reasons: v.Reasons}
}

func refusal(id json.RawMessage, code path.Code, detail string) batchAnswer {
	return batchAnswer{ID: id, Reasons: []path.Reason{{Code: code, Detail: detail}}}
}

// lineID finds the id even where something else of the line is wrong. Nil/zero: null when there is none.
func lineID(line []byte) json.RawMessage {
	var only struct {
		ID json.RawMessage `json:"id"`
	}
	if err := json.Unmarshal(line, &only); err != nil || len(only.ID) == 0 {
		return json.RawMessage("null")
	}
	return only.ID
}

// options reads all but the certificate. Roots and chain that cannot be read are left out, as nothing can then rest on them, and
// named in case no path is found; CRLs and OCSP answers go on as they are, so that revocation counts as asked for.
func (q *batchQuestion) options() (o path.Options, spoilt []path.Reason, err error) {
	o = path.Options{Policies: q.Policies, ExplicitPolicy: q.ExplicitPolicy, InhibitMapping: q.InhibitMapping, InhibitAny: q.InhibitAny, Name: q.Name}
	if o.At, o.Purpose, err = checkWords(q.Time, q.Purpose, q.Name, q.Policies); err != nil {
		return o, nil, err
	}
	for _, list := range []struct {
		field string
		from  []string
		into  *[]*pki.Certificate
	}{{"roots", q.Roots, &o.Roots}, {"chain", q.Chain, &o.Intermediates}} {
		ders, err := decodeAll(list.field, list.from)
		if err != nil {
			return o, nil, err
		}
		for i, der := range ders {
			c, err := pki.ParseCertificate(der)
			if err == nil {
				*list.into = append(*list.into, c)
			} else if len(spoilt) < 3 {
				why := unreadable(err)
				spoilt = append(spoilt, path.Reason{Code: why.Code, Detail: fmt.Sprintf("%s[%d]: %s", list.field, i, why.Detail)})
			}
		}
	}
	if o.CRLs, err = decodeAll("crls", q.CRLs); err != nil {
		return o, nil, err
	}
	o.OCSP, err = decodeAll("ocsp", q.OCSP)
	return o, spoilt, err
}

func decodeAll(field string, from []string) ([][]byte, error) {
	var out [][]byte
	for i, text := range from {
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("%s[%d] is not base64", field, i)
		}
		out = append(out, der)
	}
	return out, nil
}
