package main

import "github.com/urfave/cli/v2"

// systemTopics are a page for each system: what to set up there, in the words of
// its own screens. (The packages of the systems say the same to programmers.)
func systemTopics() (pages []topic) {
	for _, d := range drivers() {
		pages = append(pages, topic{d.Name, "what to set up in that system", func(*cli.App) string { return d.setUp }})
	}
	return pages
}

const lookerSetUp = `WHAT TO SET UP IN LOOKER

1. A user for this alone, so that Looker's log shows who did it: Admin, Users,
   Add Users. It needs the Admin role, which alone may administer other users.
2. An API key of that user: Admin, Users, the user's row, API Keys. Where Looker
   only lets keys be enabled there, the user makes it in Account, API Keys,
   Create New API Key.
3. client_id and client_secret are those of the key. url is the API Host URL of
   Admin, API; where that is empty, the address that people open, on self-hosted
   and older instances often with port 19999.

   export RESETCTL_LOOKER_URL=https://example.cloud.looker.com
   export RESETCTL_LOOKER_CLIENT_ID=... RESETCTL_LOOKER_CLIENT_SECRET=...
   resetctl check looker

WHAT TO KNOW

A reset link lives 60 minutes. Who never set up the account gets a set-up mail
instead. Who signs in only by SSO cannot be reset, but can be locked. Looker
(Google Cloud core) may refuse all that has to do with passwords, and counts
administrative calls against a monthly quota.
`

const sugarSetUp = `WHAT TO SET UP IN SUGAR

1. A user for this alone: Admin, User Management. It signs in with a password and
   not by SSO. Not your own: a user has one session on each platform.
2. The right: Admin, Role Management, a role whose Access Type for Users is Admin.
   The User Type System Administrator works too, and may do much more.
3. The platform: Admin, Configure API Platforms, add "resetctl". Never use "base",
   which is the browser's: that would throw the user out there.
4. Mail: Admin, System Email Settings; and a primary address for everybody.

   export RESETCTL_SUGAR_URL=https://example.sugarondemand.com
   export RESETCTL_SUGAR_USERNAME=... RESETCTL_SUGAR_PASSWORD=...
   resetctl check sugar

WHAT TO KNOW

All programs that use an instance share 20 requests a second, and who asks for
more is shut out for a while: the usual pace is 4. Sugar does not tell beforehand
who may reset others, and shows nothing by which a lost answer could be settled.
On instances with SugarIdentity, status and addresses are changed in SugarCloud
Settings. The REST API has to be v11_24 or newer.
`

const unleashSetUp = `WHAT TO SET UP IN UNLEASH

1. A token of an administrator: behind your picture, View profile settings,
   Personal API tokens, New token. Whether you are an administrator says Admin
   settings, Users.
2. Better, where there are service accounts (Enterprise): Admin settings, Service
   accounts, New service account, with the root role Admin, and a token for it.
   Tokens made for client SDKs or frontends are refused.
3. url has the path of a hosted instance in it.
4. The mailer is set up where the server runs (EMAIL_HOST and its siblings).
   Without one, nobody is mailed, and --links hands the links to you.

   export RESETCTL_UNLEASH_URL=https://eu.app.unleash-hosted.com/example
   export RESETCTL_UNLEASH_TOKEN=...
   resetctl check unleash

WHAT TO KNOW

A reset link lives 24 hours, and each new reset kills the person's earlier ones.
A person can be mailed once a minute. There is no lock: a person whose password
is changed regains access by "forgot password".
`
