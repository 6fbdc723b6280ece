package rest

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"

	"github.com/gin-gonic/gin"

	"signet/ukey/ticket"
)

// releaseName is what a file of a release may be called.
var releaseName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+~-]{0,99}$`)

// serveRelease gives out the files of the agent's releases. Nobody believes the portal about them: agents check the signed manifest.
func (s *Server) serveRelease(c *gin.Context) {
	c.Header("Cache-Control", "no-cache")
	f := s.openRelease(c.Param("name"))
	if f == nil {
		s.fail(c, errNoRoute)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		s.fail(c, errNoRoute)
		return
	}
	c.Header("Content-Type", "application/octet-stream")
	http.ServeContent(c.Writer, c.Request, "", info.ModTime(), f)
}

// openRelease opens a file of the folder; nil without one.
func (s *Server) openRelease(name string) *os.File {
	if s.c.AgentUpdates == "" || !releaseName.MatchString(name) {
		return nil
	}
	f, err := os.OpenInRoot(s.c.AgentUpdates, name)
	if err != nil {
		return nil
	}
	return f
}

// agentRelease is the version in the manifest, for a page to compare with; "" without one. It is not checked: the page only says that there is
// another version, and the agent makes sure.
func (s *Server) agentRelease() string {
	f := s.openRelease("manifest.jws")
	if f == nil {
		return ""
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, ticket.MaxManifest))
	parts := strings.Split(string(raw), ".")
	if err != nil || len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var r ticket.Release
	if err != nil || json.Unmarshal(payload, &r) != nil || len(r.Version) > 60 {
		return ""
	}
	return r.Version
}
