package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
)

// ceremonyCommands are the key ceremony: rehearsed, approved by every officer, recorded, signed by every officer.
var ceremonyCommands = []command{ceremonyCommand, ceremonySignCommand, ceremonyCheckCommand, ceremonyOfficerCommand}

// The files of a ceremony's record.
const (
	planFile       = "plan.txt"
	transcriptFile = "transcript.jsonl"
	outputDir      = "out"
)

var ceremonyCommand = command{
	name: "ceremony", args: "SCRIPT", brief: "Rehearses a key ceremony, then carries it out once its officers have signed the plan; goes on where it was interrupted",
	prepare: func(f *flag.FlagSet) action {
		record := f.String("record", "", "`DIR` of the record (default: SCRIPT without its ending, and .record)")
		abort := f.String("abort", "", "`REASON` for which a ceremony that has begun ends here, whatever is not done")
		stopped := despiteFlag(f)
		find := siteFlags(f)
		return func(ctx context.Context, t terminal, args []string) error {
			file, err := oneFile(args)
			if err != nil {
				return err
			}
			s, err := find()
			if err != nil {
				return err
			}
			return s.withDB(ctx, t, func(db *store.DB) error {
				if *abort == "" { // what ends a ceremony signs no certificate
					if err := stopped.ask(ctx, t, db); err != nil {
						return err
					}
				}
				return s.ceremony(ctx, t, db, file, *record, *abort)
			})
		}
	},
}

// ceremony is one that is being rehearsed or held.
type ceremony struct {
	world
	dir        string // of the record
	abort      string // why it ends before all steps are done; "" = it does not
	transcript *ca.Transcript
	// crash is nil but in tests, which stop at a point as a power cut does.
	crash func(point string) error
}

func (s *site) ceremony(ctx context.Context, t terminal, db *store.DB, file, record, abort string) error {
	sc, err := readScript(file)
	if err != nil {
		return err
	}
	keys, err := s.openKeys()
	if err != nil {
		return err
	}
	c := &ceremony{world: world{script: sc, site: s, db: db, keys: keys, t: t}, dir: recordDir(file, record), abort: abort}
	return c.run(ctx)
}

func recordDir(file, record string) string {
	return orDefault(record, strings.TrimSuffix(file, filepath.Ext(file))+".record")
}

// run does what is next: the rehearsal, the steps that are not done, or nothing more.
func (c *ceremony) run(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(c.dir, transcriptFile)); errors.Is(err, os.ErrNotExist) {
		if c.abort != "" {
			return errors.New("the ceremony has not begun: there is nothing to end")
		}
		ready, err := c.plan(ctx)
		if err != nil || !ready {
			return err
		}
	} else if err != nil {
		return err
	}
	if err := c.checkPlan(); err != nil {
		return err
	}
	var err error
	if c.transcript, err = ca.OpenTranscript(filepath.Join(c.dir, transcriptFile)); err != nil {
		return err
	}
	defer c.transcript.Close()
	return c.hold(ctx)
}

// plan rehearses. ready: every officer has signed just that plan.
func (c *ceremony) plan(ctx context.Context) (ready bool, err error) {
	plan, err := c.rehearsal(ctx)
	if err != nil {
		return false, fmt.Errorf("rehearsal: %w", err)
	}
	path := filepath.Join(c.dir, planFile)
	there, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if err := c.writePlan(path, plan); err != nil {
			return false, err
		}
	case err != nil:
		return false, err
	case !bytes.Equal(there, plan):
		return false, fmt.Errorf("the rehearsal gives another plan than %s: script, files, configuration or program have changed; remove the folder %s to begin anew", path, c.dir)
	}
	missing := c.unsigned(planFile, plan)
	if len(missing) == 0 {
		return true, nil
	}
	if there == nil {
		fmt.Fprintf(c.t.out, "%s\n", plan)
	}
	c.askFor("the plan", planFile, plan, missing)
	return false, nil
}

func (c *ceremony) writePlan(path string, plan []byte) error {
	if err := os.MkdirAll(filepath.Join(c.dir, outputDir), 0o755); err != nil {
		return err
	}
	for i, o := range c.script.Officers {
		if err := writeOnce(filepath.Join(c.dir, officerFile(i)), o.pem()); err != nil {
			return err
		}
	}
	return writeNew(path, plan, 0o644)
}

// askFor says whose signature is missing and how it is given.
func (c *ceremony) askFor(what, file string, content []byte, missing []int) {
	f := ca.FingerprintOf(file, content)
	fmt.Fprintf(c.t.out, "%s: %s\n  SHA-256 %s\n  SM3     %s\n", what, filepath.Join(c.dir, file), f.SHA256, f.SM3)
	for _, i := range missing {
		fmt.Fprintf(c.t.out, "officer %d, %s, has to sign it: signetctl ceremony sign -record %s -officer %d -key-file FILE\n", i+1, c.script.Officers[i].Name, c.dir, i+1)
	}
}

// checkPlan holds script and files to what was approved. The steps behind them are not rehearsed again, as some may have been carried out.
func (c *ceremony) checkPlan() error {
	plan, err := os.ReadFile(filepath.Join(c.dir, planFile))
	if err != nil {
		return err
	}
	head, err := c.planHead()
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(plan, head) {
		return fmt.Errorf("script, files or program are not those of %s, which was approved", filepath.Join(c.dir, planFile))
	}
	if missing := c.unsigned(planFile, plan); len(missing) > 0 {
		return fmt.Errorf("%s is not signed by %s", filepath.Join(c.dir, planFile), c.script.Officers[missing[0]].Name)
	}
	return nil
}

// planHead is the part of a plan that says what goes into the ceremony.
func (c *ceremony) planHead() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Key ceremony: %s\nsoftware: %s\ninstallation: %s\n", plain(c.script.Title), softwareVersion(), plain(c.site.Status.URL))
	script := ca.FingerprintOf("script", c.script.text)
	fmt.Fprintf(&b, "script: SHA-256 %s, SM3 %s\n", script.SHA256, script.SM3)
	for i, o := range c.script.Officers {
		alg, err := pki.AlgOf(o.pub)
		if err != nil {
			return nil, err
		}
		hash := pki.SPKIHash(o.spki)
		fmt.Fprintf(&b, "officer %d: %s, %s key, "+officerHash+"\n", i+1, plain(o.Name), alg, hash)
	}
	for _, file := range c.script.inputs() {
		text, err := os.ReadFile(c.script.path(file))
		if err != nil {
			return nil, err
		}
		f := ca.FingerprintOf(file, text)
		fmt.Fprintf(&b, "file %s: SHA-256 %s, SM3 %s\n", plain(f.Name), f.SHA256, f.SM3)
	}
	return b.Bytes(), nil
}

// rehearsal carries all steps out where it does no harm, and writes down what they give, but for what differs each time: keys, serial numbers, dates.
func (c *ceremony) rehearsal(ctx context.Context) ([]byte, error) {
	head, err := c.planHead()
	if err != nil {
		return nil, err
	}
	b := bytes.NewBuffer(head)
	err = c.site.rehearse(ctx, c.t, c.db, c.keys, c.script, func(w *world) error {
		for i := range c.script.Steps {
			st := &c.script.Steps[i]
			facts, err := w.prepare(ctx, st)
			if err != nil {
				return fmt.Errorf("step %d: %w", i+1, err)
			}
			outs, err := w.do(ctx, i+1, st, facts)
			if err != nil {
				return fmt.Errorf("step %d: %w", i+1, err)
			}
			fmt.Fprintf(b, "\nstep %d: %s\n", i+1, plain(st.String()))
			for _, o := range outs {
				o.describe(b)
			}
		}
		return nil
	})
	return b.Bytes(), err
}

// describe writes what a certificate will say.
func (o *output) describe(b *bytes.Buffer) {
	if o.cert == nil {
		fmt.Fprintf(b, "  %s\n", o.name)
		return
	}
	alg, err := pki.AlgOf(o.cert.PublicKey)
	if err != nil {
		alg = "?"
	}
	fmt.Fprintf(b, "  certificate %s\n    subject %s\n    issuer %s\n    key %s, signature %s, %d days\n", o.name, plain(o.cert.Subject.String()), plain(o.cert.Issuer.String()), alg, o.cert.SigAlg,
		int(o.cert.NotAfter.Sub(o.cert.NotBefore).Round(24*time.Hour)/(24*time.Hour)))
	for _, e := range o.cert.Extensions {
		critical, value := "", hex.EncodeToString(e.Value)
		if e.Critical {
			critical = " critical"
		}
		if e.OID == pki.OIDSubjectKeyID || e.OID == pki.OIDAuthorityKeyID {
			value = "by the key"
		}
		fmt.Fprintf(b, "    extension %s%s %s\n", e.OID, critical, value)
	}
}

// hold carries out what is left of the plan.
func (c *ceremony) hold(ctx context.Context) error {
	entries := c.transcript.Entries()
	if len(entries) == 0 {
		begun, err := c.begin(ctx)
		if err != nil {
			return err
		}
		entries = []ca.TranscriptEntry{begun}
	}
	c.id = entries[0].Facts["ceremony"]
	if _, ended := c.entry(ca.ActEnd, 0); ended {
		return c.close()
	}
	if c.abort != "" {
		return c.end(ctx, abortedWord+c.abort)
	}
	for i := range c.script.Steps {
		if err := c.step(ctx, i+1, &c.script.Steps[i]); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return c.end(ctx, "")
}

// abortedWord begins what the last line of a transcript says if steps of the plan were not done.
const abortedWord = "aborted: "

// begin tests the source of randomness and writes the first line.
func (c *ceremony) begin(ctx context.Context) (ca.TranscriptEntry, error) {
	if err := ca.TestRandom(rand.Reader); err != nil {
		return ca.TranscriptEntry{}, err
	}
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return ca.TranscriptEntry{}, err
	}
	plan, err := os.ReadFile(filepath.Join(c.dir, planFile))
	if err != nil {
		return ca.TranscriptEntry{}, err
	}
	f := ca.FingerprintOf(planFile, plan)
	host, _ := os.Hostname()
	facts := map[string]string{
		"ceremony": hex.EncodeToString(id[:]), "plan_sha256": f.SHA256, "plan_sm3": f.SM3, "software": softwareVersion(), "machine": runtime.GOOS + "/" + runtime.GOARCH + " " + host,
		"random_self_test": "passed, FIPS 140-2 §4.9.1", "officers": strings.Join(c.names(), ", "),
	}
	if facts["audit_before"], err = auditHead(ctx, c.db); err != nil {
		return ca.TranscriptEntry{}, err
	}
	if err := c.audit(ctx, "begin_ceremony", facts); err != nil {
		return ca.TranscriptEntry{}, err
	}
	return c.append(ca.TranscriptEntry{Act: ca.ActBegin, What: c.script.Title, Facts: facts})
}

func (c *ceremony) names() (names []string) {
	for _, o := range c.script.Officers {
		names = append(names, o.Name)
	}
	return names
}

func auditHead(ctx context.Context, db *store.DB) (string, error) {
	seq, sum, err := db.AuditHead(ctx)
	return fmt.Sprintf("%d:%x", seq, sum), err
}

func (c *ceremony) audit(ctx context.Context, act string, facts map[string]string) error {
	return c.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.Audit(operator, act, facts["ceremony"], map[string]any{"plan": facts["plan_sha256"], "officers": facts["officers"]})
	})
}

// append writes a line and stops where a test wants a power cut.
func (c *ceremony) append(e ca.TranscriptEntry) (ca.TranscriptEntry, error) {
	point := fmt.Sprintf("%s %d", e.Act, e.Step)
	if err := c.cut("before " + point); err != nil {
		return e, err
	}
	e.At = c.db.Now()
	e, err := c.transcript.Append(e)
	if err == nil {
		err = c.cut("after " + point)
	}
	return e, err
}

func (c *ceremony) cut(point string) error {
	if c.crash == nil {
		return nil
	}
	return c.crash(point)
}

func (c *ceremony) entry(act string, n int) (ca.TranscriptEntry, bool) {
	all := c.transcript.Entries()
	i := slices.IndexFunc(all, func(e ca.TranscriptEntry) bool { return e.Act == act && e.Step == n })
	if i < 0 {
		return ca.TranscriptEntry{}, false
	}
	return all[i], true
}

// step carries one step out, unless it is done. Once its start is on the disk it may be repeated.
func (c *ceremony) step(ctx context.Context, n int, st *step) error {
	if _, done := c.entry(ca.ActDone, n); done {
		return c.remember(st)
	}
	started, again := c.entry(ca.ActStart, n)
	if !again {
		facts, err := c.prepare(ctx, st)
		if err != nil {
			return err
		}
		if started, err = c.append(ca.TranscriptEntry{Act: ca.ActStart, Step: n, What: st.String(), Facts: facts}); err != nil {
			return err
		}
	}
	fmt.Fprintf(c.t.out, "step %d: %s\n", n, plain(st.String()))
	outs, err := c.do(ctx, n, st, started.Facts)
	if err != nil {
		return err
	}
	var prints []ca.Fingerprint
	for _, o := range outs {
		name := fmt.Sprintf("%02d-%s", n, o.name)
		if err := writeOnce(filepath.Join(c.dir, outputDir, name), o.content); err != nil {
			return err
		}
		f := ca.FingerprintOf(name, o.content)
		fmt.Fprintf(c.t.out, "  %s\n    SHA-256 %s\n    SM3     %s\n", name, f.SHA256, f.SM3)
		prints = append(prints, f)
	}
	_, err = c.append(ca.TranscriptEntry{Act: ca.ActDone, Step: n, Outputs: prints})
	return err
}

// remember makes the CA of a step that is done known to later steps.
func (c *ceremony) remember(st *step) error {
	made := st.made()
	if made == nil {
		return nil
	}
	if _, known := c.site.find(made.ID); known {
		return nil // the operator has put it into the configuration meanwhile
	}
	a, _, err := c.installed(made.ID)
	if err == nil {
		c.site.Authorities = append(c.site.Authorities, a)
	}
	return err
}

func (c *ceremony) end(ctx context.Context, what string) error {
	begun, _ := c.entry(ca.ActBegin, 0)
	if err := c.audit(ctx, "end_ceremony", begun.Facts); err != nil {
		return err
	}
	head, err := auditHead(ctx, c.db)
	if err != nil {
		return err
	}
	if _, err = c.append(ca.TranscriptEntry{Act: ca.ActEnd, What: what, Facts: map[string]string{"audit_after": head}}); err != nil {
		return err
	}
	return c.close()
}

// close says what is left to do at the end.
func (c *ceremony) close() error {
	text, err := os.ReadFile(filepath.Join(c.dir, transcriptFile))
	if err != nil {
		return err
	}
	missing := c.unsigned(transcriptFile, text)
	if len(missing) > 0 {
		c.askFor("the ceremony is at its end; the transcript", transcriptFile, text, missing)
		return nil
	}
	fmt.Fprintf(c.t.out, "the ceremony is complete; its record is %s\n", c.dir)
	return nil
}

// softwareVersion names the build in the plan: the module's version or its commit, and Go's.
func softwareVersion() string {
	version := "dev"
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" {
			version = v
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && version == "(devel)" {
				version = s.Value
			}
		}
	}
	return "signetctl " + version + " " + runtime.Version()
}
