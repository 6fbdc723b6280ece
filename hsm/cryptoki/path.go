package cryptoki

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// checkPath resolves links and lets only a plain file in one of the folders pass, when nobody but an administrator can have put it there.
func checkPath(c Config) (string, error) {
	if !filepath.IsAbs(c.Path) {
		return "", fmt.Errorf("%w: must be absolute", ErrPath)
	}
	path, err := filepath.EvalSymlinks(c.Path)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrPath, err)
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return "", fmt.Errorf("%w: not a file: %s", ErrPath, path)
	}
	inside := false
	for _, dir := range c.Dirs {
		if real, err := filepath.EvalSymlinks(dir); err == nil && filepath.IsAbs(real) {
			rel, err := filepath.Rel(real, path)
			inside = inside || err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
		}
	}
	if !inside {
		return "", fmt.Errorf("%w: %s lies in none of the configured folders", ErrPath, path)
	}
	for p := path; ; p = filepath.Dir(p) {
		info, err := os.Lstat(p)
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrPath, err)
		}
		if !isAdmins(info, c.OwnDirs) {
			return "", fmt.Errorf("%w: others than an administrator can change %s", ErrPath, p)
		}
		if p == filepath.Dir(p) {
			return path, nil
		}
	}
}
