package ca

import (
	"fmt"
	"net/netip"
	"strings"

	"signet/ca/pki"
)

// subtrees are the YAML form of pki.Subtrees.
type subtrees struct {
	DNS       []string   `yaml:"dns"`   // example.cn: that host and all below it
	Email     []string   `yaml:"email"` // a mailbox, a host, or .example.cn
	IP        []string   `yaml:"ip"`    // 192.0.2.0/24
	Directory []struct { // the beginning of a subject, in its order
		Attr  string `yaml:"attr"`
		Value string `yaml:"value"`
	} `yaml:"directory"`
}

func (s subtrees) read() (out pki.Subtrees, err error) {
	out.DNS, out.Emails = s.DNS, s.Email
	for _, text := range s.IP {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return out, fmt.Errorf("address range %q", text)
		}
		out.IPs = append(out.IPs, p)
	}
	var attrs []pki.Attr
	for _, d := range s.Directory {
		oid := attrNames[d.Attr]
		if oid == "" {
			oid = d.Attr
		}
		attrs = append(attrs, pki.Attr{Type: oid, Value: d.Value})
	}
	if len(attrs) == 0 {
		return out, nil
	}
	name, err := pki.NewName(attrs...)
	out.Directories = []pki.Name{name}
	return out, err
}

func (f *profileFile) readNameConstraints(p *Profile) error {
	permitted, err := f.NameConstraints.Permitted.read()
	if err != nil {
		return fmt.Errorf("name constraints: %w", err)
	}
	excluded, err := f.NameConstraints.Excluded.read()
	if err != nil {
		return fmt.Errorf("name constraints: %w", err)
	}
	if permitted.IsEmpty() && excluded.IsEmpty() {
		return nil
	}
	if !f.CA {
		return fmt.Errorf("name constraints are for a CA")
	}
	names, err := pki.ExtNameConstraints(permitted, excluded)
	if err != nil {
		return fmt.Errorf("name constraints: %w", err)
	}
	p.names = &names
	return nil
}

// mostHosts bounds what one server certificate may name.
const mostHosts = 100

func (f *profileFile) readHosts(p *Profile) error {
	if f.Hosts.Most < 0 || f.Hosts.Most > mostHosts || (f.Hosts.Most > 0) != f.Kind.IsServer() {
		return fmt.Errorf("hosts: a server has 1 to %d, nobody else has any", mostHosts)
	}
	p.hosts, p.wildcards = f.Hosts.Most, f.Hosts.Wildcards
	return nil
}

// hostNames makes subjectAltName: host names in the order given, then addresses.
func (p *Profile) hostNames(hosts []string) (pki.Extension, error) {
	if len(hosts) == 0 || len(hosts) > p.hosts {
		return pki.Extension{}, refuse(RefusedField, fmt.Sprintf("profile %s names 1 to %d hosts, not %d", p.ID, p.hosts, len(hosts)))
	}
	var names, addresses []string
	seen := map[string]bool{}
	for _, h := range hosts {
		h = strings.ToLower(h)
		if strings.HasPrefix(h, "*") && !p.wildcards {
			return pki.Extension{}, refuse(RefusedField, "profile "+p.ID+" has no wildcards")
		}
		ip, err := netip.ParseAddr(h)
		if err == nil {
			h = ip.Unmap().String()
		}
		switch {
		case seen[h]:
		case err == nil:
			addresses = append(addresses, h)
		default:
			names = append(names, h)
		}
		seen[h] = true
	}
	e, err := pki.ExtSAN(append(names, addresses...)...)
	if err != nil {
		return pki.Extension{}, refuse(RefusedField, err.Error())
	}
	return e, nil
}
