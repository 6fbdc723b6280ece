// Package web is the built portal and back office, embedded in the server binary.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files is the built site. Without a build it holds no index.html, and the server answers pages with how to build them.
func Files() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // cannot happen: the folder is embedded above
	}
	return sub
}
