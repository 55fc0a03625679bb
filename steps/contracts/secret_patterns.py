"""The kinds of secrets that are told by their looks, each with its source; used by redaction.

Why a table of our own: detect-secrets 1.5 (May 2024, wants requests) finds lines and not spans, a
private key by its first line alone, and knows neither `token=` nor a signed URL; gitleaks keeps 222
rules (July 2026), of which Python's `re` takes 197, and none is safe from backtracking there. So
the prefixes follow gitleaks, whatever is long has a bound or gives nothing back, and a pattern is
tried only where its anchor stands. Lengths allow for texts that were cut.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final


@cache
def _compiled(expression: str, flags: int) -> re.Pattern[str]:
    return re.compile(expression, flags)


@dataclass(frozen=True, slots=True)
class SecretKind:
    """One kind: `pattern` matches from an anchor on; anchors are in lower case, and stand for any
    case. Without anchors the pattern is looked for wherever the text holds `within`.

    A group whose name begins with `secret` is what must not be shown; the whole match where there
    is none. It is compiled when it is first tried: most texts have no anchor of most kinds.
    """

    name: str
    expression: str
    source: str
    anchors: tuple[str, ...]
    within: str = ""
    flags: int = 0

    @property
    def pattern(self) -> re.Pattern[str]:
        return _compiled(self.expression, self.flags)


def _kind(name: str, anchors: str, pattern: str, source: str = "gitleaks", flags: int = 0) -> SecretKind:
    return SecretKind(name, pattern, source, tuple(anchors.split()), flags=flags)


_KEY_BEFORE: Final = "|".join(
    f"(?<={kind}{joint})" for kind in ("api", "access", "private", "signing", "account", "encryption", "auth") for joint in ("", "[_-]")
)
_NAME: Final = (  # as a name ends whose value is secret: `db_password`, `X-Amz-Security-Token`
    r"(?:passw(?:or)?d|passphrase|(?<![a-z])(?:pwd|pass)|secret(?:[_-]?(?:access[_-]?)?key)?|token|credentials?"
    rf"|(?:{_KEY_BEFORE})key(?:[_-]?id)?)\\{{0,2}}[\"']?"
)
_ITSELF: Final = r"(?:secret|token|credential|passw(?:or)?d)s?\b(?![\w-])"  # code: `token=token`, `token = page.token`
_CODE: Final = rf"{_ITSELF}|_[A-Z]|(?:os|self|args|options|config|settings|secrets)\.\w|[a-z]{{1,20}}\.(?:{_ITSELF}|[A-Za-z]{{3,40}}\()"
_PLACEHOLDER: Final = r"\[redacted\]|[$<{*…%]|\.\.\.|(?:none|null|true|false|yes|no|not|set|unset|str)\b(?![-+/=_.~])"
_QUOTED: Final = (
    r"(?P<quote>\\{0,2}[\"'])(?P<secret_quoted>(?!(?P=quote)|\[redacted\]|\$?\{{1,2}|[$<]\w)"
    r"(?:(?!(?P=quote))[^\r\n]){1,512}+)(?:(?P=quote)|\Z)"
)
_BARE: Final = r"""[^\s&;,"'<>()\[\]{}\\`|]"""
_BASE64: Final = r"[A-Za-z0-9+/=_.~-]"
_URL_PART: Final = r"""[^\s@"'<>`]"""

_BY_NAME: Final = (
    _kind(
        "named value",
        "pass pwd secret token credential key",
        rf"{_NAME}\s{{0,3}}(?:"
        rf"(?::?=|=>)\s{{0,3}}(?!{_PLACEHOLDER})"
        rf"(?:{_QUOTED}|[\"']?(?!{_CODE}|(?<!d=)\d{{1,5}}(?![\w/+=-]))(?P<secret_bare>{_BARE}{{3,}}+))"
        rf"|:\s{{0,3}}(?:{_QUOTED.replace('quote', 'mark')}"
        rf"|(?!{_PLACEHOLDER})(?=[A-Za-z+/=_.~-]{{0,200}}[0-9])(?P<secret_long>{_BASE64}{{16,}}+)(?![\w:])))",
        "detect-secrets' keyword plugin; RFC 6750, 2.3 for ?access_token=",
        re.I,
    ),
    _kind(
        "password in YAML",
        "pass pwd",
        rf"(?:passw(?:or)?d|passphrase|(?<![a-z])pwd)\s{{0,3}}:[ \t]{{0,3}}(?!{_PLACEHOLDER})"
        rf"(?=[A-Za-z_.,;:-]{{0,64}}[^\sA-Za-z_,;.:-])(?P<secret>{_BARE}{{6,}}+)",
        "the same",
        re.I,
    ),
    _kind(
        "flag with a value",
        "--",
        r"--(?:[a-z]{1,20}-){0,3}(?:password|passphrase|token|secret|secret-key|api-key|access-key)[ \t]+[\"']?"
        r"(?![-$<{…\[]|[A-Z_]{0,20}(?:TOKEN|SECRET|PASSWORD|KEY|VALUE)\b)(?P<secret>[^\s\"'`]{3,}+)",
        "what ps shows of a command",
    ),
    _kind(
        "user of curl", "-u --user", r"(?<=\s)(?:-u|--user)[ =][\"']?[^\s:\"']{1,64}:(?!\d+\b)(?P<secret>[^\s\"']{1,256}+)", "curl's manual"
    ),
    _kind("netrc", "login", r"login\s+\S{1,64}\s+password\s+(?P<secret>\S{1,256}+)", "curl's manual, .netrc"),
    _kind(
        "signature of a URL",
        "signature= sig=",
        r"(?:signature|(?<![a-z])sig)=(?P<secret>[A-Za-z0-9%+/=_~-]{16,}+)",
        "AWS Signature Version 4; Azure's shared access signatures; Google's signed URLs",
        re.I,
    ),
    _kind(
        "authorization",
        "bearer basic negotiate",
        r"\b(?:bearer|basic|negotiate)(?:\s{1,3}|%20)"
        r"(?=[A-Za-z_-]{0,200}[0-9=~+]|(?-i:[A-Za-z]{0,200}[a-z][A-Z]))(?P<secret>[A-Za-z0-9+/=._~-]{8,}+)",
        "RFC 6750; RFC 7617",
        re.I,
    ),
    _kind("cookie", "cookie", r"cookie[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?P<secret>[\w.-]{1,64}=[^\r\n\"']+)", "RFC 6265", re.I),
    _kind("login of docker", '"auth"', r"\"auth\"\s{0,3}:\s{0,3}\"(?P<secret>[A-Za-z0-9+/=]{12,}+)\"", "docker login, config.json"),
)

_BY_PLACE: Final = (
    _kind(
        "user and password in a URL",
        "://",
        rf"://(?P<secret>[^\s/?#@\"'<>`]{{1,256}}+(?=@)"
        rf"|[^\s/?#@:\"'<>`]{{0,64}}+:(?!\d{{1,5}}(?:[/?#]|\b)){_URL_PART}{{1,200}}+(?:@{_URL_PART}{{1,100}}+(?=@))*+(?=@|\Z))",
        "RFC 3986, 3.2.1; the second for a password with a slash in it",
    ),
    SecretKind(
        "user and password before a host, without a scheme",
        (
            r"(?<![\w/@.:+-])(?!(?:mailto|to|by|from|cc|bcc|owner|sip|xmpp|acct):)[\w.+-]{1,64}+:(?P<secret>"
            r"[^\s:@/\"'<>`]{3,128}+(?=@(?!sha\d+:)[\w.-]{1,128}+(?::\d{2,5}\b|/))"
            r"|(?=[^\s:@/0-9!#$%^&*=~]{0,128}+[0-9!#$%^&*=~])[^\s:@/\"'<>`]{6,128}+(?=@(?!sha\d+:)[A-Za-z0-9-]{1,63}+\.[A-Za-z0-9]))"
        ),
        "what curl, git and SQLAlchemy take for a URL as well",
        (),
        within="@",
    ),
    _kind("user and password of Oracle", "thin:", r"thin:(?P<secret>[^\s/@]{1,64}+/[^\s@]{1,128}+)(?=@)", "Oracle's JDBC guide, 8.2"),
    _kind(
        "webhook of a chat",
        "hooks.slack.com/ discord.com/api/webhooks/ discordapp.com/api/webhooks/ webhook.office.com/webhookb2/",
        r"(?:hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/webhooks/|webhook\.office\.com/webhookb2/)"
        r"(?P<secret>[\w/@-]{10,}+)",
    ),
)

_BY_LOOKS: Final = (
    _kind(
        "private key",
        "-----begin",
        r"-----BEGIN[ A-Z0-9]{0,40}?PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?:[^-]|-(?!----(?:BEGIN|END)))*+-----END[ A-Z0-9]{0,40}?PRIVATE KEY(?: BLOCK)?-----"
        r"|(?:(?:\s|\\+[rn]|[\"'|>])*+[A-Za-z0-9+/=]{16,}+)*+(?:(?:\s|\\+[rn])*+[A-Za-z0-9+/]{1,15}(?:={1,2}|\Z))?)",
        "RFC 7468; RFC 4880, 6.2",
    ),
    _kind(
        "key of PuTTY",
        "putty-user-key-file",
        r"PuTTY-User-Key-File-\d(?:[^P]|P(?!rivate-MAC|uTTY))*+(?:Private-MAC: [0-9a-f]+)?",
        "PuTTY's manual, C",
    ),
    _kind("key of age", "age-secret-key-1", r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    _kind("JSON Web Token", "eyj", r"(?<![A-Za-z0-9_])eyJ[A-Za-z0-9_-]{10,}+\.[A-Za-z0-9_-]{10,}+(?:\.[A-Za-z0-9_-]*+)*+", "RFC 7519"),
    _kind("AWS", "a3t akia asia abia acca", r"\b(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    _kind("GitHub", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"\b(?:gh[pousr]_[A-Za-z0-9]{12,}+|github_pat_\w{12,}+)"),
    _kind("GitLab", "gl", r"\bgl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas|ffct)-[\w.-]{8,}+"),
    _kind("Slack", "xox xapp-", r"\b(?:xox[abcdeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}+|xapp-\d-[A-Za-z0-9-]{10,}+)"),
    _kind("Google", "aiza ya29. gocspx-", r"\b(?:AIza[\w-]{16,}+|ya29\.[\w-]{12,}+|GOCSPX-[\w-]{12,}+)"),
    SecretKind("Azure", r"(?<![\w~.])[\w~.]{3}\dQ~[\w~.-]{31,34}", "gitleaks", (), within="q~"),
    _kind("Stripe", "sk_ rk_", r"\b[rs]k_(?:test|live|prod)_[A-Za-z0-9]{10,}+"),
    _kind("OpenAI, Anthropic and the like", "sk-", r"\bsk-(?:(?:proj|svcacct|admin|ant|or)-[\w-]{20,}+|[A-Za-z0-9]{32,}+)"),
    _kind("Hugging Face", "hf_ api_org_", r"\b(?:hf|api_org)_[A-Za-z]{16,}+"),
    _kind("npm and PyPI", "npm_ pypi-", r"\b(?:npm_[A-Za-z0-9]{16,}+|pypi-AgE[\w-]{12,}+)"),
    _kind("Databricks", "dapi dose", r"\b(?:dapi|dose)[a-f0-9]{14,32}+(?:-\d)?\b"),
    _kind("Sendgrid", "sg.", r"\bSG\.[\w-]{16,}+\.[\w-]{16,}+"),
    _kind("Vault", "hvs. hvb. hvr.", r"\bhv[sbr]\.[\w-]{20,}+"),
    _kind("Grafana", "glsa_ glc_", r"\b(?:glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}|glc_[A-Za-z0-9+/]{32,}+={0,2})"),
    _kind("DigitalOcean", "dop_v1_ doo_v1_ dor_v1_", r"\bdo[opr]_v1_[a-f0-9]{64}"),
    _kind("Docker", "dckr_", r"\bdckr_[a-z]{2,5}_[\w-]{20,}+"),
    _kind("Twilio", "sk", r"\bSK[0-9a-f]{32}\b"),
    SecretKind("Telegram", r"\b\d{8,10}:AA[\w-]{32,34}", "gitleaks", (), within=":aa"),
    _kind(
        "others with a beginning of their own",
        "ops_eyj absk bedrock-api-key- akcp atatt3 fm2_ fo1_ gr1348941 hrku-aa ico- ntn_ pplx- pscale_ pul- rdme_ rubygems_ sntry sq0 "
        "shippo_ sm_aat_ sm_pat_ sm_sat_ lin_api_ pmak- pnu_ pnb_ 4b1d clojars_ sgp_ eyjr lsv2_ wandb_v1_ nvapi-",
        r"\b(?:(?:ops_eyJ|ABSK|bedrock-api-key-|AKCp|ATATT3|fm2_|fo1_|GR1348941|HRKU-AA|ntn_|pplx-|pscale_\w{1,10}_|rdme_|sm_[aps]at_"
        r"|pn[bu]_|lsv2_[ps][kt]_|wandb_v1_|nvapi-|sq0[a-z]{3}-|CLOJARS_|ico-)[A-Za-z0-9+/=_-]{16,}+|eyJrIjoi[A-Za-z0-9]{20,}+={0,2}"
        r"|(?:pul-|rubygems_|sntry[sua]_|shippo_(?:live|test)_|sgp_|lin_api_|PMAK-)[A-Za-z0-9-]{20,}+"
        r"|4b1d(?=[a-f0-9]{0,60}+[g-zA-Z])[A-Za-z0-9-]{20,}+)",  # of hexadecimal digits alone it is a hash
    ),
    _kind("Shopify", "shpat_ shpca_ shppa_ shpss_", r"\bshp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}"),
)

KINDS: Final = (*_BY_LOOKS[:1], *_BY_PLACE, *_BY_NAME, *_BY_LOOKS[1:])  # a key's lines must not be taken for values first
