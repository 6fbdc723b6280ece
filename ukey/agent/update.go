package agent

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"signet/ukey/ticket"
)

// Updates says what this program is a release of, and whose word counts on newer ones.
//
// Nil/zero: Key nil = this build knows no release key, so that updates are off; Off = an administrator turned them off, by the file Policy.
type Updates struct {
	Key      *ecdsa.PublicKey
	Sequence int64
	System   string // such as linux/amd64
	Form     string // deb, rpm, exe
	Off      bool
	Policy   string
}

// updatesPath is where a portal serves the releases; no portal's word on them counts, only the signature.
const (
	updatesPath  = "/agent/updates/"
	manifestName = "manifest.jws"
	updatesEvery = 24 * time.Hour
	retryUpdates = time.Hour
	downloadFor  = 30 * time.Minute
)

// Why there is no update.
var (
	ErrUpdatesOff  = errors.New("agent: updates are off")
	ErrNoUpdate    = errors.New("agent: this is the newest release")
	ErrNoFile      = errors.New("agent: the release has no file for this system")
	ErrFileDiffers = errors.New("agent: the file is not the one of the release")
)

// News is a newer release.
type News struct {
	Release  ticket.Release
	File     ticket.ReleaseFile
	Portal   string
	Required bool // this one is below the minimum
}

// Text is the line about it in the tray and in reports.
func (n News) Text() string {
	if n.Required {
		return fmt.Sprintf("必须更新到 %s:运行 ukeyd update。This version is too old; update.", clean(n.Release.Version))
	}
	return fmt.Sprintf("有新版本 %s:运行 ukeyd update。A newer version is there.", clean(n.Release.Version))
}

// CheckUpdate asks a portal for the newest release.
//
// Errors: ErrUpdatesOff, ErrNoUpdate, ErrNoFile; ticket.ErrInvalid, ErrExpired, ErrOldRelease for a manifest that does not hold; *PortalError.
func (a *Agent) CheckUpdate(ctx context.Context, origin string) (News, error) {
	u := a.c.Updates
	if u.Key == nil || u.Off {
		return News{}, ErrUpdatesOff
	}
	raw, err := a.fetchSmall(ctx, origin+updatesPath+manifestName)
	if err != nil {
		return News{}, err
	}
	seen, err := a.c.State.seenRelease()
	if err != nil {
		return News{}, err
	}
	r, err := ticket.OpenRelease(u.Key, string(raw), a.c.Now(), max(seen, u.Sequence))
	if err != nil {
		return News{}, err
	}
	if err := a.c.State.seeRelease(r.Sequence); err != nil { // from now on nobody gets an older one past
		return News{}, err
	}
	if r.Sequence == u.Sequence {
		return News{}, ErrNoUpdate
	}
	f, ok := r.File(u.System, u.Form)
	if !ok {
		return News{}, ErrNoFile
	}
	return News{Release: r, File: f, Portal: origin, Required: u.Sequence < r.Minimum}, nil
}

func (a *Agent) fetchSmall(ctx context.Context, address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerFor)
	defer cancel()
	res, err := a.fetch(ctx, address)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, ticket.MaxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	if len(raw) > ticket.MaxManifest {
		return nil, fmt.Errorf("%w: manifest too long", ticket.ErrInvalid)
	}
	return raw, nil
}

// fetch asks without following anybody elsewhere.
func (a *Agent) fetch(ctx context.Context, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	res, err := a.c.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the portal: %w", withoutURL(err))
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, &PortalError{Status: res.StatusCode}
	}
	return res, nil
}

// Download puts the file of a release into a folder, under its own name once every byte was checked.
//
// Errors: ErrFileDiffers; those of network and disk. Nothing stays behind then.
func (a *Agent) Download(ctx context.Context, n News, dir string) (path string, err error) {
	ctx, cancel := context.WithTimeout(ctx, downloadFor)
	defer cancel()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making the folder: %w", err)
	}
	res, err := a.fetch(ctx, n.Portal+updatesPath+n.File.Name)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	f, err := os.CreateTemp(dir, ".download-*")
	if err != nil {
		return "", fmt.Errorf("making a file: %w", err)
	}
	defer os.Remove(f.Name())
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(res.Body, n.File.Size+1))
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return "", fmt.Errorf("downloading %s: %w", n.File.Name, err)
	}
	if size != n.File.Size || hex.EncodeToString(sum.Sum(nil)) != n.File.SHA256 {
		return "", ErrFileDiffers
	}
	path = filepath.Join(dir, n.File.Name)
	return path, os.Rename(f.Name(), path)
}

// ConsentUpdate asks the person before anything is downloaded or installed.
//
// Errors: ErrCancelled, ErrNoDialogue.
func (a *Agent) ConsentUpdate(ctx context.Context, n News) error {
	release, err := hold(ctx, a.asking)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, a.c.AnswerFor)
	defer cancel()
	var t texts
	t.say("操作:下载并安装 UKey 助手的新版本", "Operation: download and install a newer version of the agent")
	t.fact("版本", "Version", n.Release.Version)
	t.fact("来源", "From", n.Portal)
	t.fact("文件", "File", n.File.Name)
	t.fact("大小", "Size", size(int(n.File.Size)))
	t.fact("摘要", "SHA-256", n.File.SHA256)
	return a.c.Dialogue.Confirm(ctx, Prompt{Title: title, Text: t.String(), Accept: "更新 Update", Refuse: "以后 Later"})
}

// keepUpToDate tells of newer releases: at the start and every day.
func (a *Agent) keepUpToDate(ctx context.Context, origins []string) {
	if a.c.Updates.Key == nil || a.c.Updates.Off || len(origins) == 0 {
		return
	}
	for told := int64(0); ctx.Err() == nil; {
		span := updatesEvery
		for _, origin := range origins {
			news, err := a.CheckUpdate(ctx, origin)
			switch {
			case ctx.Err() != nil, errors.Is(err, ErrNoUpdate), errors.Is(err, ErrNoFile), notServed(err):
			case err != nil:
				span = retryUpdates
				a.c.Log.Warn("updates cannot be checked", "portal", origin, "error", err)
			case news.Release.Sequence > told:
				told = news.Release.Sequence
				a.c.Log.Info("a newer release", "version", news.Release.Version, "required", news.Required)
				a.setNews(news.Text())
			}
		}
		pause(ctx, span)
	}
}

// notServed tells that a portal has no releases to offer, which is no fault.
func notServed(err error) bool {
	var p *PortalError
	return errors.As(err, &p) && p.Status == http.StatusNotFound
}

func (a *Agent) setNews(text string) {
	a.newsMu.Lock()
	defer a.newsMu.Unlock()
	if a.news == text {
		return
	}
	a.news = text
	close(a.newsChanged)
	a.newsChanged = make(chan struct{})
}

// News is the line about a newer release, "" if there is none, and a channel that closes when it changes.
func (a *Agent) News() (string, <-chan struct{}) {
	a.newsMu.Lock()
	defer a.newsMu.Unlock()
	return a.news, a.newsChanged
}

// examineUpdates is the doctor's line about updates.
func (a *Agent) examineUpdates(ctx context.Context, origin string) Finding {
	u := a.c.Updates
	switch {
	case u.Off:
		return Finding{true, "更新已由管理员关闭 updates turned off by an administrator: " + u.Policy}
	case u.Key == nil:
		return Finding{true, "此版本不带发布公钥,不检查更新 built without a release key: updates are off"}
	}
	news, err := a.CheckUpdate(ctx, origin)
	switch {
	case errors.Is(err, ErrNoUpdate):
		return Finding{true, "已是最新版本 newest version"}
	case notServed(err):
		return Finding{true, "网站没有提供更新 the portal offers no updates: " + origin}
	case errors.Is(err, ErrNoFile):
		return Finding{false, "有新版本,但没有适用于本系统的文件 a newer version, but none for this system"}
	case err != nil:
		return Finding{false, fmt.Sprintf("无法检查更新 updates cannot be checked: %s: %v", origin, err)}
	}
	return Finding{!news.Required, news.Text()}
}

const releaseFile = "release.seen"

// seenRelease is the highest sequence of a release that was ever told of here; 0 at first.
func (s *State) seenRelease() (int64, error) {
	b, err := os.ReadFile(filepath.Join(s.dir, releaseFile))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the last release: %w", err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reading the last release: %w", err)
	}
	return n, nil
}

func (s *State) seeRelease(sequence int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seen, err := s.seenRelease(); err == nil && seen >= sequence {
		return nil
	}
	if err := replaceFile(filepath.Join(s.dir, releaseFile), []byte(strconv.FormatInt(sequence, 10)+"\n")); err != nil {
		return fmt.Errorf("keeping the last release: %w", err)
	}
	return nil
}
