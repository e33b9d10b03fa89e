"""Identities that are accepted, and those that are refused with the app-tag of the rule."""

from __future__ import annotations

ACCEPTED: dict[str, list[str]] = {
    "inet": ["192.168.1.10", "2001:db8::1", "::1"],
    "name": [
        "a", "alice", "server.example.com", "user@host", "a" * 200, "a#b", "a^b", "under_score", "%any",
        "fqdn:alice", "xn--bcher-kva.example", "$", "!\"$%&'()+,-./:;<=>?@[\\]^_`{|}~",
    ],
    "email": ["u@d", "user@example.com", "a.b+c_d@e-f.g", "%any@d"],
    "key": ["k", "my_vpn_key", "two words", "@#00", "k" * 200, "0x1234"],
    "dn": [
        "CN=John Doe, OU=IT, O=Company", "CN=a", "cn=a,ou=b", "C=US, O=ACME, CN=Alice", "CN = a b  c , O= d ",
        "E=a@b, emailAddress=c@d", "CN=Åsa Öst", "CN=a=b", "CN=a/b", "CN=a\\, b", "CN=\\#1",
        "CN=a\\+b", 'CN=\\"a\\"',
        "CN=\\ a", "CN=a\\\\b", "CN=a#b", "DC=example,DC=com,UID=u",
        "STREET=x,ST=y,L=z,T=t,D=d,N=n,G=g,GN=g,I=i",
        "serialNumber=1,postalCode=2,dnQualifier=3,pseudonym=4,employeeNumber=5,unstructuredName=6,"
        "unstructuredAddress=7", "CN=" + "a" * 197,
    ],
}  # fmt: skip

REFUSED: list[tuple[str, str, str]] = [
    *(("inet", address, "identity-unspecified") for address in ("0.0.0.0", "::", "0::0", "::0.0.0.0")),
    *((kind, "", "identity-length") for kind in ("name", "email", "key", "dn")),
    *((kind, "a" * 201, "identity-length") for kind in ("name", "email", "key", "dn")),
    *((kind, f"a@{text}", "identity-characters")
      for kind in ("name", "email", "key")
      for text in ("\t", "\n", "\r", "\x7f", "\xa0", "é", "\u2028", "\U0001f511", "trailing\n")),
    *(("dn", f"CN=a{text}b", "identity-characters")
      for text in ("\t", "\n", "\r", "\x7f", "\x9b", "\u2028", "\u2029")),
    *((kind, text, "identity-wildcard")
      for kind in ("name", "email", "key", "dn")
      for text in ("*", "*.example.com", "a*", "*@example.com", "CN=*", "O=a, CN=*", "CN=a\\*")),
    *((kind, text, "identity-prefix")
      for kind in ("name", "email", "key")
      for text in ("#", "#616c696365", "#a@b", "^.+$", "^.+@example.com$", "^")),
    *(("name", text, "identity-blank") for text in (" ", "a b", " a", "a ")),
    *(("key", text, "identity-blank") for text in (" ", " a", "a ", "  ")),
    *(("email", text, "identity-email")
      for text in ("u", "@", "u@", "@d", "u@d@e", "u@@d", "u d@e", "u@d ", " u@d")),
    *(("dn", text, "identity-dn")
      for text in (
          " ", ",", "=", "CN", "CN=", "CN= ", "=a", "John=Doe", "CN=a,", ",CN=a", "CN=a,,O=b", "CN=a, X=b",
          "CNN=a", "C N=a", "2.5.4.3=a", "/C=SE/O=a", "SN=a", "ID=a", "CN=a+OU=b", 'CN="a, b"', "CN=a;OU=b",
          "CN=#04",
          "CN=a\\", "CN=a\\2Cb", "CN=a\\b", "CN=a,O=", "alice", "alice@example.com", "192.0.2.1",
      )),
]  # fmt: skip
