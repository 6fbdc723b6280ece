package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"signet/api/account"
	"signet/api/ra"
	"signet/api/store"
)

var projectSetCommand = command{
	name: "project set", args: "FILE.yaml", brief: "Makes a cooperation project, or brings it up to what the file says",
	prepare: func(f *flag.FlagSet) action {
		find := siteFlags(f)
		reason := f.String("despite-second-person", "", "`REASON` to go on although the staff can draft and publish it by two persons; it is written in the audit")
		return func(ctx context.Context, t terminal, args []string) error {
			file, err := oneFile(args)
			if err != nil {
				return err
			}
			s, err := find()
			if err != nil {
				return err
			}
			p, err := readProject(file)
			if err != nil {
				return err
			}
			return s.withDB(ctx, t, func(db *store.DB) error {
				service, err := s.openService(ctx, t, db)
				if err != nil {
					return err
				}
				if err := askSecondPerson(ctx, t, db, p.Slug, *reason); err != nil {
					return err
				}
				if err := service.ra.EnsureProject(ctx, p.project()); err != nil {
					return err
				}
				if err := p.setMaterials(ctx, service.ra); err != nil {
					return err
				}
				fmt.Fprintf(t.out, "project %s is as the file says\n", p.Slug)
				return nil
			})
		}
	},
}

// askSecondPerson lets one person set a project while the site is being founded. Once two of the staff could draft and publish it, that is the
// way (decision 0039), and only a reason, which the audit keeps, goes round it.
func askSecondPerson(ctx context.Context, t terminal, db *store.DB, slug, reason string) error {
	if len(reason) > maxDespite || !utf8.ValidString(reason) {
		return badUsage("the reason of -despite-second-person is a text of at most 500 bytes")
	}
	return db.Tx(ctx, func(tx *store.Tx) error {
		n, err := account.Publishers(tx)
		if err != nil || n < 2 {
			return err
		}
		if reason == "" {
			return errors.New("the staff can change projects by two persons, in the back office under content; -despite-second-person REASON goes on all the same")
		}
		fmt.Fprintln(t.err, "WARNING: this changes a project without a second person; your reason is in the audit.")
		return tx.Audit(operator, "project.despite_second_person", slug, map[string]any{"reason": reason})
	})
}

// projectText is the form of a project's file.
type projectText struct {
	Slug       string `yaml:"slug"`       // part of the page's address /p/{slug}: lower-case letters, digits, dashes. Required
	Name       string `yaml:"name"`       // of the cooperating centre. Required
	Product    string `yaml:"product"`    // what holders apply for there
	PriceCents int64  `yaml:"priceCents"` // of one term, in fen; 0 = free
	TermMonths int    `yaml:"termMonths"` // 1 to 60. Required
	CA         string `yaml:"ca"`         // id of the authority that renews; default: renewBy of the configuration
	Contact    struct {
		Phone     string `yaml:"phone"`
		Site      string `yaml:"site"`
		Hours     string `yaml:"hours"` // such as 周一至周五 9:00-18:00
		Emergency string `yaml:"emergency"`
	} `yaml:"contact"`
	Process   []string `yaml:"process"` // steps shown on the page
	Help      []string `yaml:"help"`
	Downloads []struct {
		Title string `yaml:"title"`
		URL   string `yaml:"url"`
	} `yaml:"downloads"`
	Notice string `yaml:"notice"` // shown on top of the page

	// Materials are what a kind of application takes, where it is not the default: new, renew, change_name, change_legal, change_handler, replace, revoke.
	Materials map[string][]struct {
		Type     string `yaml:"type"`     // registration_form, handler_id, licence, change_proof, legal_proof, risk_letter, handler_letter, loss_statement, revoke_request, seal_sheet
		Required bool   `yaml:"required"` // the application is not submitted without
		When     string `yaml:"when"`     // unsigned: unless the risk notice was signed with the present key; phone_lost: if the handler's phone is lost. Default: always
		Most     int    `yaml:"most"`     // how many files, up to 10. Default 3
	} `yaml:"materials"`
}

func readProject(file string) (projectText, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return projectText{}, err
	}
	var p projectText
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&p); err != nil {
		return projectText{}, fmt.Errorf("%s: %w", file, err)
	}
	if err := d.Decode(&struct{}{}); !errors.Is(err, io.EOF) {
		return projectText{}, fmt.Errorf("%s: more than one document", file)
	}
	return p, nil
}

func (p projectText) project() ra.Project {
	out := ra.Project{
		Slug: p.Slug, Name: p.Name, Product: p.Product, PriceCents: p.PriceCents, TermMonths: p.TermMonths, CA: p.CA,
		Contact: ra.Contact(p.Contact), Process: p.Process, Help: p.Help, Notice: p.Notice,
	}
	for _, d := range p.Downloads {
		out.Downloads = append(out.Downloads, ra.Download(d))
	}
	return out
}

func (p projectText) setMaterials(ctx context.Context, registration *ra.RA) error {
	for kind, list := range p.Materials {
		rules := make([]ra.MaterialRule, len(list))
		for i, m := range list {
			rules[i] = ra.MaterialRule{Type: ra.MaterialType(m.Type), Required: m.Required, When: ra.MaterialWhen(m.When), Most: m.Most}
		}
		if err := registration.SetMaterialRules(ctx, "operator", p.Slug, kind, rules); err != nil {
			return err
		}
	}
	return nil
}

var projectListCommand = command{
	name: "project list", brief: "Lists the cooperation projects",
	prepare: func(f *flag.FlagSet) action {
		return onDatabase(f, func(ctx context.Context, t terminal, s *site, db *store.DB) error {
			service, err := s.openService(ctx, t, db)
			if err != nil {
				return err
			}
			return listProjects(ctx, t, service.ra)
		})
	},
}

func listProjects(ctx context.Context, t terminal, registration *ra.RA) error {
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	for page := 1; ; page++ {
		list, err := registration.ListProjects(ctx, "", ra.Paging{Page: page, Size: 100})
		if err != nil {
			return err
		}
		for _, p := range list.Items {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d.%02d\t%d months\n", p.Slug, p.Name, p.Product, p.PriceCents/100, p.PriceCents%100, p.TermMonths)
		}
		if page >= list.Page.Pages {
			return w.Flush()
		}
	}
}
