package node

import (
	"errors"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/claimshare/claimshare/client/store/postgres"
)

// PostgreSQL reports whether the store is a PostgreSQL database.
func (c *Config) PostgreSQL() bool { return postgres.IsURL(c.Store) }

// StoreName is the store as it may be shown and logged: with any password
// replaced by xxxxx.
func (c *Config) StoreName() string {
	scheme, _, is := strings.Cut(c.Store, "://")
	if !is {
		return c.Store
	}
	u, err := url.Parse(c.Store)
	if err != nil || !c.PostgreSQL() { // the error's text has the whole URL, and a URL of another kind may be a slip
		return scheme + "://xxxxx"
	}
	if query := u.Query(); u.RawQuery != "" {
		for name := range query {
			if secretSetting(name) {
				query.Set(name, "xxxxx")
			}
		}
		u.RawQuery = query.Encode()
	}
	return u.Redacted()
}

// secretSetting reports whether a setting of the PostgreSQL client is a secret.
func secretSetting(name string) bool {
	name = strings.ToLower(name)
	return name == "password" || name == "sslpassword"
}

// checkStore says what is wrong with the store's name. It quotes nothing that
// may be a password.
func (c *Config) checkStore() error {
	if !c.PostgreSQL() {
		if scheme, _, is := strings.Cut(c.Store, "://"); is {
			return errors.New("store is a file or a postgres:// URL, not " + scheme + "://")
		}
		return nil
	}
	u, err := url.Parse(c.Store)
	switch {
	case err != nil:
		return errors.New("store is not a URL: postgres://USER@HOST:PORT/DATABASE is wanted, with %XX for other than letters and digits")
	case strings.Trim(u.Path, "/") == "" && u.Query().Get("dbname") == "":
		return errors.New("store names no database: postgres://USER@HOST:PORT/DATABASE is wanted")
	}
	return nil
}

// keepsPassword refuses a password where others read it.
func (c *Config) keepsPassword(from Origin) error {
	if !strings.Contains(c.Store, "://") || from.Source == FromEnvironment {
		return nil
	}
	u, err := url.Parse(c.Store)
	if err != nil {
		return nil // checkStore says so
	}
	_, secret := u.User.Password()
	// As text: settings with a ; in them are none to Query.
	secret = secret || strings.Contains(strings.ToLower(u.RawQuery), "password=")
	if !secret {
		return nil
	}
	return errors.New(from.String() + ": store has a password in it: leave it out, and put it into a password file (passfile=FILE in the URL, or $PGPASSFILE; mode 0600) or into $PGPASSWORD, or give the whole URL in $CLAIMSHARE_STORE")
}

// shown is a field's value as text, without a password.
func (c *Config) shown(path string) string {
	if path == "store" {
		return c.StoreName()
	}
	value := reflect.ValueOf(c).Elem()
	for name := range strings.SplitSeq(path, ".") {
		t := value.Type()
		for i := range t.NumField() {
			if tag, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); tag == name {
				value = value.Field(i)
				break
			}
		}
	}
	if value.Kind() == reflect.Float64 {
		if value.Float() == 0 {
			return ""
		}
		return strconv.FormatFloat(value.Float(), 'g', -1, 64)
	}
	return value.String()
}
