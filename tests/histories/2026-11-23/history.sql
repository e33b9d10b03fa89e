PRAGMA user_version = 2;
CREATE TABLE commits (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,
    user TEXT NOT NULL,
    session INTEGER NOT NULL,
    source TEXT NOT NULL,
    comment TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('applying', 'committed', 'undone'))
);
CREATE TABLE changes (
    commit_id INTEGER NOT NULL REFERENCES commits (id),
    position INTEGER NOT NULL,
    path TEXT NOT NULL,
    before BLOB NOT NULL,
    after BLOB NOT NULL,
    PRIMARY KEY (commit_id, position)
) WITHOUT ROWID;
CREATE TABLE snapshots (
    commit_id INTEGER PRIMARY KEY,
    content BLOB NOT NULL
);
CREATE TABLE confirmed_commit (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    rollback_to INTEGER NOT NULL,
    timeout_s INTEGER NOT NULL,
    session INTEGER NOT NULL,
    user TEXT NOT NULL,
    source TEXT NOT NULL,
    persist TEXT
);
CREATE TABLE notes (
    name TEXT PRIMARY KEY,
    content TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO commits VALUES (1, '2026-11-27T00:55:22.908+00:00', 'yangswan', 0, '', 'first rules of access control', 'committed');
INSERT INTO commits VALUES (2, '2026-11-27T00:55:22.947+00:00', 'admin', 1, '127.0.0.1', '', 'committed');
INSERT INTO commits VALUES (3, '2026-11-27T00:55:22.960+00:00', 'admin', 1, '127.0.0.1', '', 'committed');
INSERT INTO commits VALUES (4, '2026-11-27T00:55:22.973+00:00', 'admin', 1, '127.0.0.1', '', 'committed');
INSERT INTO commits VALUES (5, '2026-11-27T00:55:22.980+00:00', 'admin', 1, '127.0.0.1', '', 'committed');
INSERT INTO commits VALUES (6, '2026-11-27T00:55:22.991+00:00', 'admin', 1, '127.0.0.1', '', 'undone');
INSERT INTO commits VALUES (7, '2026-11-27T00:55:23.004+00:00', 'admin', 1, '127.0.0.1', '', 'committed');
INSERT INTO commits VALUES (8, '2026-11-27T00:55:23.021+00:00', 'admin', 1, '127.0.0.1', '', 'committed');
INSERT INTO commits VALUES (9, '2026-11-27T00:55:23.038+00:00', 'admin', 1, '127.0.0.1', '', 'applying');
INSERT INTO changes VALUES (1, 0, '/ietf-netconf-acm:nacm/enable-external-groups', x'', CAST('<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><enable-external-groups>false</enable-external-groups></nacm>' AS BLOB));
INSERT INTO changes VALUES (1, 1, '/ietf-netconf-acm:nacm/groups/group[name=''admin'']', x'', CAST('<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><groups><group><name>admin</name><user-name>admin</user-name></group></groups></nacm>' AS BLOB));
INSERT INTO changes VALUES (1, 2, '/ietf-netconf-acm:nacm/groups/group[name=''operator'']', x'', CAST('<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><groups><group><name>operator</name></group></groups></nacm>' AS BLOB));
INSERT INTO changes VALUES (1, 3, '/ietf-netconf-acm:nacm/groups/group[name=''reader'']', x'', CAST('<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><groups><group><name>reader</name></group></groups></nacm>' AS BLOB));
INSERT INTO changes VALUES (1, 4, '/ietf-netconf-acm:nacm/rule-list', x'', CAST('<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><rule-list><name>admin</name><group>admin</group><rule><name>everything</name><action>permit</action><comment>May do everything.</comment></rule></rule-list><rule-list><name>operator</name><group>operator</group><rule><name>not-the-rules</name><module-name>ietf-netconf-acm</module-name><action>deny</action></rule><rule><name>everything-else</name><action>permit</action></rule></rule-list><rule-list><name>reader</name><group>reader</group><rule><name>get</name><rpc-name>get</rpc-name><action>permit</action></rule><rule><name>get-config</name><rpc-name>get-config</rpc-name><action>permit</action></rule><rule><name>get-data</name><rpc-name>get-data</rpc-name><action>permit</action></rule><rule><name>get-schema</name><rpc-name>get-schema</rpc-name><action>permit</action></rule><rule><name>create-subscription</name><rpc-name>create-subscription</rpc-name><action>permit</action></rule><rule><name>explain-access</name><rpc-name>explain-access</rpc-name><action>permit</action></rule><rule><name>no-other-operation</name><rpc-name>*</rpc-name><action>deny</action></rule><rule><name>no-change</name><access-operations>create update delete exec</access-operations><action>deny</action></rule></rule-list></nacm>' AS BLOB));
INSERT INTO changes VALUES (2, 0, '/yangswan-ipsec:certificates/certificate[name=''acme'']', x'', CAST('<certificates xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><certificate><name>acme</name><pem>-----BEGIN CERTIFICATE-----
MIIBXDCCAQOgAwIBAgIUP/+Kg1ZFJqdalUR+cDOf8D6ISHIwCgYIKoZIzj0EAwIw
IzENMAsGA1UECgwEQUNNRTESMBAGA1UEAwwJQXV0aG9yaXR5MCAXDTI2MDEwMTAw
MDAwMFoYDzIxMjYwMTAxMDAwMDAwWjAjMQ0wCwYDVQQKDARBQ01FMRIwEAYDVQQD
DAlBdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAART7FfCcIsh20ed
BOBDys3qUcgCmj/bm92axTsUyXTyERJ9046V3n6XX4bIfA3Dc29pB3yO2HEPbpEl
bdfhxo33oxMwETAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIBP+
bnS3a1hRN02QpHblL3p6cfMxYZOcKSoz139zCU24AiA7cFseI7q4MFnPs4hd9Lcd
lwEFJhBqD/jBHoGAhhKfFg==
-----END CERTIFICATE-----
</pem></certificate></certificates>' AS BLOB));
INSERT INTO changes VALUES (2, 1, '/yangswan-ipsec:certificates/certificate[name=''gateway'']', x'', CAST('<certificates xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><certificate><name>gateway</name><pem>-----BEGIN CERTIFICATE-----
MIIBYTCCAQegAwIBAgITStN0/tfRa0bXT8OA9xdHX5cnVDAKBggqhkjOPQQDAjAj
MQ0wCwYDVQQKDARBQ01FMRIwEAYDVQQDDAlBdXRob3JpdHkwIBcNMjYwMTAxMDAw
MDAwWhgPMjEyNjAxMDEwMDAwMDBaMB0xDTALBgNVBAoMBEFDTUUxDDAKBgNVBAMM
A2d3MTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFHQrZfyUnSe/Fo3z+dyNz/D
DrSDh5r3PkvdrKi3XbWI++iVyRCrKeSISZVnjg/1ICD9jknaUYTXjfqmKidqZl6j
HjAcMBoGA1UdEQQTMBGCD2d3MS5leGFtcGxlLmNvbTAKBggqhkjOPQQDAgNIADBF
AiEAwBhLpDX9OReQFnf2XbtTFQlSIU+Hkn8eushHjrAjwiwCIE5jak/q2SKwjOHX
GWKBQX7ht8Iz7GrR5hgLbd6obKoG
-----END CERTIFICATE-----
</pem></certificate></certificates>' AS BLOB));
INSERT INTO changes VALUES (2, 2, '/yangswan-ipsec:certificates/certificate[name=''retired'']', x'', CAST('<certificates xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><certificate><name>retired</name><pem>-----BEGIN CERTIFICATE-----
MIIBZTCCAQugAwIBAgIUcN94cpqnemc9uiUs0QuF6OpgNq4wCgYIKoZIzj0EAwIw
JzENMAsGA1UECgwEQUNNRTEWMBQGA1UEAwwNT2xkIEF1dGhvcml0eTAgFw0yNjAx
MDEwMDAwMDBaGA8yMTI2MDEwMTAwMDAwMFowJzENMAsGA1UECgwEQUNNRTEWMBQG
A1UEAwwNT2xkIEF1dGhvcml0eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKmk
njOTh7j9TwibHyBjZCKLZ+7fkHfE3XanY3rw/YhMj6Ai2hRxRLrd/74IcnHAqUR2
IiPTJnZ27Mj5mskR4uOjEzARMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwID
SAAwRQIgZSKHQdCOsv7s9nSJj1EgsHNATBpnX/gRiEVdHKiQ3TMCIQDBQDEAGPRL
54sg30kdvNwLyjk4/2fUwCxDJuZO3IEg1w==
-----END CERTIFICATE-----
</pem></certificate></certificates>' AS BLOB));
INSERT INTO changes VALUES (2, 3, '/yangswan-ipsec:tunnels/ipsec[id=''1'']', x'', CAST('<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>1</id><description>Branch &amp; "Office"</description><initiator>true</initiator><secret>not-a-real-secret&lt;1&gt;</secret><local-address>192.0.2.1</local-address><peer>198.51.100.1</peer><local-id/><remote-id/><local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.2.0.0/16</remote-subnet><dpd/><ike><fragmentation/><ppk/></ike><esp><lifetime-soft/><lifetime-hard/></esp></ipsec></tunnels>' AS BLOB));
INSERT INTO changes VALUES (2, 4, '/yangswan-ipsec:tunnels/ipsec[id=''2'']', x'', CAST('<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>2</id><certificate><own>gateway</own><trusted-ca>acme</trusted-ca><trusted-ca>retired</trusted-ca></certificate><local-address>192.0.2.1</local-address><peer>198.51.100.2</peer><local-id><name>gw1.example.com</name></local-id><remote-id/><local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.3.0.0/16</remote-subnet><dpd/><ike><fragmentation/><ppk/></ike><esp><lifetime-soft/><lifetime-hard/></esp></ipsec></tunnels>' AS BLOB));
INSERT INTO changes VALUES (3, 0, '/ietf-netconf-acm:nacm/groups/group[name=''technicians'']', x'', CAST('<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><groups><group><name>technicians</name><user-name>otto</user-name></group></groups></nacm>' AS BLOB));
INSERT INTO changes VALUES (3, 1, '/ietf-netconf-acm:nacm/groups/group[name=''auditors'']', x'', CAST('<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><groups><group><name>auditors</name><user-name>anna</user-name></group></groups></nacm>' AS BLOB));
INSERT INTO changes VALUES (3, 2, '/ietf-netconf-acm:nacm/groups/group[name=''robots'']', x'', CAST('<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><groups><group><name>robots</name><user-name>gateway</user-name></group></groups></nacm>' AS BLOB));
INSERT INTO changes VALUES (3, 3, '/ietf-netconf-acm:nacm/rule-list', CAST('<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><rule-list><name>admin</name><group>admin</group><rule><name>everything</name><action>permit</action><comment>May do everything.</comment></rule></rule-list><rule-list><name>operator</name><group>operator</group><rule><name>not-the-rules</name><module-name>ietf-netconf-acm</module-name><action>deny</action></rule><rule><name>everything-else</name><action>permit</action></rule></rule-list><rule-list><name>reader</name><group>reader</group><rule><name>get</name><rpc-name>get</rpc-name><action>permit</action></rule><rule><name>get-config</name><rpc-name>get-config</rpc-name><action>permit</action></rule><rule><name>get-data</name><rpc-name>get-data</rpc-name><action>permit</action></rule><rule><name>get-schema</name><rpc-name>get-schema</rpc-name><action>permit</action></rule><rule><name>create-subscription</name><rpc-name>create-subscription</rpc-name><action>permit</action></rule><rule><name>explain-access</name><rpc-name>explain-access</rpc-name><action>permit</action></rule><rule><name>no-other-operation</name><rpc-name>*</rpc-name><action>deny</action></rule><rule><name>no-change</name><access-operations>create update delete exec</access-operations><action>deny</action></rule></rule-list></nacm>' AS BLOB), CAST('<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><rule-list><name>admin</name><group>admin</group><rule><name>everything</name><action>permit</action><comment>May do everything.</comment></rule></rule-list><rule-list><name>operator</name><group>operator</group><rule><name>not-the-rules</name><module-name>ietf-netconf-acm</module-name><action>deny</action></rule><rule><name>everything-else</name><action>permit</action></rule></rule-list><rule-list><name>reader</name><group>reader</group><rule><name>get</name><rpc-name>get</rpc-name><action>permit</action></rule><rule><name>get-config</name><rpc-name>get-config</rpc-name><action>permit</action></rule><rule><name>get-data</name><rpc-name>get-data</rpc-name><action>permit</action></rule><rule><name>get-schema</name><rpc-name>get-schema</rpc-name><action>permit</action></rule><rule><name>create-subscription</name><rpc-name>create-subscription</rpc-name><action>permit</action></rule><rule><name>explain-access</name><rpc-name>explain-access</rpc-name><action>permit</action></rule><rule><name>no-other-operation</name><rpc-name>*</rpc-name><action>deny</action></rule><rule><name>no-change</name><access-operations>create update delete exec</access-operations><action>deny</action></rule></rule-list><rule-list><name>technicians</name><group>technicians</group><rule><name>may restart the daemon</name><module-name>yangswan-ipsec</module-name><rpc-name>restart-daemon</rpc-name><access-operations>exec</access-operations><action>permit</action><comment>Otto &amp; his shift: "at night" &lt;only&gt;, äöü</comment></rule><rule><name>keys of any module</name><rpc-name>generate-key-pair</rpc-name><action>permit</action></rule><rule><name>no keys from elsewhere</name><module-name>yangswan-ipsec</module-name><rpc-name>import-private-key</rpc-name><action>deny</action></rule><rule><name>packets</name><module-name>yangswan-ipsec</module-name><notification-name>packet</notification-name><access-operations>read</access-operations><action>permit</action></rule><rule><name>no other rpc</name><module-name>yangswan-ipsec</module-name><rpc-name>*</rpc-name><action>deny</action></rule><rule><name>no other notification</name><module-name>yangswan-ipsec</module-name><notification-name>*</notification-name><action>deny</action></rule><rule><name>the authority is fixed</name><module-name>yangswan-ipsec</module-name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates/ipsec:certificate[ipsec:name=''acme'']</path><access-operations>create update delete</access-operations><action>deny</action></rule><rule><name>certificates</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates/ipsec:certificate</path><access-operations>*</access-operations><action>permit</action></rule><rule><name>secret</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:tunnels/ipsec:ipsec[ipsec:id=''1'']/ipsec:secret</path><access-operations>*</access-operations><action>deny</action></rule><rule><name>all of ipsec</name><module-name>yangswan-ipsec</module-name><action>permit</action></rule></rule-list><rule-list><name>auditors</name><group>auditors</group><rule><name>nothing of certificates</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates</path><access-operations>*</access-operations><action>deny</action></rule><rule><name>nothing of their state</name><module-name>yangswan-ipsec</module-name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificate-state</path><access-operations>read</access-operations><action>deny</action></rule><rule><name>reads ipsec (yangswan-pki)</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:daemon/ipsec:version</path><access-operations>read</access-operations><action>permit</action></rule><rule><name>reads ipsec</name><module-name>yangswan-ipsec</module-name><path>/</path><access-operations>read</access-operations><action>permit</action><comment>A reader,
of two lines.</comment></rule><rule><name>changes nothing of ipsec</name><module-name>yangswan-ipsec</module-name><access-operations>create update delete exec</access-operations><action>deny</action></rule></rule-list><rule-list><name>robots</name><group>robots</group><rule><name>its own certificate</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates/ipsec:certificate[ipsec:name=''gateway'']</path><access-operations>*</access-operations><action>permit</action></rule><rule><name>no other certificate</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates</path><access-operations>*</access-operations><action>deny</action></rule><rule><name>agent</name><module-name>yangswan-agent</module-name><rpc-name>explain-access</rpc-name><action>permit</action></rule></rule-list></nacm>' AS BLOB));
INSERT INTO changes VALUES (4, 0, '/yangswan-ipsec:certificates/certificate[name=''second'']', x'', CAST('<certificates xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><certificate><name>second</name><pem>-----BEGIN CERTIFICATE-----
MIIBYjCCAQigAwIBAgIUcZJc0TFzRes6JAGszMTMmy/pMyEwCgYIKoZIzj0EAwIw
IzENMAsGA1UECgwEQUNNRTESMBAGA1UEAwwJQXV0aG9yaXR5MCAXDTI2MDEwMTAw
MDAwMFoYDzIxMjYwMTAxMDAwMDAwWjAdMQwwCgYDVQQDDANndzIxDTALBgNVBAoM
BEFDTUUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQE/CfmoEn28DMR+eF/wulO
zNO04HNS43BIRjrcv3P6IegpEFzlibPIpebrXzDtNC0DJEA4Qpptjuhvk/r7SwPR
ox4wHDAaBgNVHREEEzARgg9ndzIuZXhhbXBsZS5jb20wCgYIKoZIzj0EAwIDSAAw
RQIhAMN2D72IC4WJVj6PFPrhRrwyB5kIextBWfITv+4Vk6KbAiACt0qNYNtujMqn
IKB1lLO0uWuh3mk8KThWDEon8Z5uEQ==
-----END CERTIFICATE-----
</pem></certificate></certificates>' AS BLOB));
INSERT INTO changes VALUES (4, 1, '/yangswan-ipsec:tunnels/ipsec[id=''2'']', CAST('<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>2</id><certificate><own>gateway</own><trusted-ca>acme</trusted-ca><trusted-ca>retired</trusted-ca></certificate><local-address>192.0.2.1</local-address><peer>198.51.100.2</peer><local-id><name>gw1.example.com</name></local-id><remote-id/><local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.3.0.0/16</remote-subnet><dpd/><ike><fragmentation/><ppk/></ike><esp><lifetime-soft/><lifetime-hard/></esp></ipsec></tunnels>' AS BLOB), CAST('<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>2</id><certificate><own>gateway</own><trusted-ca>acme</trusted-ca></certificate><local-address>192.0.2.1</local-address><peer>198.51.100.2</peer><local-id><name>gw1.example.com</name></local-id><remote-id/><local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.3.0.0/16</remote-subnet><dpd/><ike><fragmentation/><ppk/></ike><esp><lifetime-soft/><lifetime-hard/></esp></ipsec></tunnels>' AS BLOB));
INSERT INTO changes VALUES (4, 2, '/yangswan-ipsec:tunnels/ipsec[id=''3'']', x'', CAST('<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>3</id><certificate><own>second</own><trusted-ca>acme</trusted-ca></certificate><local-address>192.0.2.1</local-address><peer>198.51.100.3</peer><local-id/><remote-id/><local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.4.0.0/16</remote-subnet><dpd/><ike><fragmentation/><ppk/></ike><esp><lifetime-soft/><lifetime-hard/></esp></ipsec></tunnels>' AS BLOB));
INSERT INTO changes VALUES (5, 0, '/yangswan-ipsec:certificates/certificate[name=''retired'']', CAST('<certificates xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><certificate><name>retired</name><pem>-----BEGIN CERTIFICATE-----
MIIBZTCCAQugAwIBAgIUcN94cpqnemc9uiUs0QuF6OpgNq4wCgYIKoZIzj0EAwIw
JzENMAsGA1UECgwEQUNNRTEWMBQGA1UEAwwNT2xkIEF1dGhvcml0eTAgFw0yNjAx
MDEwMDAwMDBaGA8yMTI2MDEwMTAwMDAwMFowJzENMAsGA1UECgwEQUNNRTEWMBQG
A1UEAwwNT2xkIEF1dGhvcml0eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKmk
njOTh7j9TwibHyBjZCKLZ+7fkHfE3XanY3rw/YhMj6Ai2hRxRLrd/74IcnHAqUR2
IiPTJnZ27Mj5mskR4uOjEzARMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwID
SAAwRQIgZSKHQdCOsv7s9nSJj1EgsHNATBpnX/gRiEVdHKiQ3TMCIQDBQDEAGPRL
54sg30kdvNwLyjk4/2fUwCxDJuZO3IEg1w==
-----END CERTIFICATE-----
</pem></certificate></certificates>' AS BLOB), x'');
INSERT INTO changes VALUES (6, 0, '/yangswan-ipsec:certificates/certificate[name=''undone'']', x'', CAST('<certificates xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><certificate><name>undone</name><pem>-----BEGIN CERTIFICATE-----
MIIBZTCCAQugAwIBAgIUcN94cpqnemc9uiUs0QuF6OpgNq4wCgYIKoZIzj0EAwIw
JzENMAsGA1UECgwEQUNNRTEWMBQGA1UEAwwNT2xkIEF1dGhvcml0eTAgFw0yNjAx
MDEwMDAwMDBaGA8yMTI2MDEwMTAwMDAwMFowJzENMAsGA1UECgwEQUNNRTEWMBQG
A1UEAwwNT2xkIEF1dGhvcml0eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKmk
njOTh7j9TwibHyBjZCKLZ+7fkHfE3XanY3rw/YhMj6Ai2hRxRLrd/74IcnHAqUR2
IiPTJnZ27Mj5mskR4uOjEzARMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwID
SAAwRQIgZSKHQdCOsv7s9nSJj1EgsHNATBpnX/gRiEVdHKiQ3TMCIQDBQDEAGPRL
54sg30kdvNwLyjk4/2fUwCxDJuZO3IEg1w==
-----END CERTIFICATE-----
</pem></certificate></certificates>' AS BLOB));
INSERT INTO changes VALUES (6, 1, '/yangswan-ipsec:tunnels/ipsec[id=''3'']', CAST('<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>3</id><certificate><own>second</own><trusted-ca>acme</trusted-ca></certificate><local-address>192.0.2.1</local-address><peer>198.51.100.3</peer><local-id/><remote-id/><local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.4.0.0/16</remote-subnet><dpd/><ike><fragmentation/><ppk/></ike><esp><lifetime-soft/><lifetime-hard/></esp></ipsec></tunnels>' AS BLOB), CAST('<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>3</id><description>undone</description><certificate><own>second</own><trusted-ca>acme</trusted-ca></certificate><local-address>192.0.2.1</local-address><peer>198.51.100.3</peer><local-id/><remote-id/><local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.4.0.0/16</remote-subnet><dpd/><ike><fragmentation/><ppk/></ike><esp><lifetime-soft/><lifetime-hard/></esp></ipsec></tunnels>' AS BLOB));
INSERT INTO changes VALUES (7, 0, '/yangswan-ipsec:tunnels/ipsec[id=''1'']', CAST('<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>1</id><description>Branch &amp; "Office"</description><initiator>true</initiator><secret>not-a-real-secret&lt;1&gt;</secret><local-address>192.0.2.1</local-address><peer>198.51.100.1</peer><local-id/><remote-id/><local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.2.0.0/16</remote-subnet><dpd/><ike><fragmentation/><ppk/></ike><esp><lifetime-soft/><lifetime-hard/></esp></ipsec></tunnels>' AS BLOB), CAST('<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>1</id><description>Branch &amp; "Office"</description><initiator>true</initiator><secret>not-a-real-secret&lt;2&gt;</secret><local-address>192.0.2.1</local-address><peer>198.51.100.1</peer><local-id/><remote-id/><local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.2.0.0/16</remote-subnet><dpd/><ike><fragmentation/><ppk/></ike><esp><lifetime-soft/><lifetime-hard/></esp></ipsec></tunnels>' AS BLOB));
INSERT INTO changes VALUES (8, 0, '/ietf-netconf-acm:nacm/rule-list', CAST('<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><rule-list><name>admin</name><group>admin</group><rule><name>everything</name><action>permit</action><comment>May do everything.</comment></rule></rule-list><rule-list><name>operator</name><group>operator</group><rule><name>not-the-rules</name><module-name>ietf-netconf-acm</module-name><action>deny</action></rule><rule><name>everything-else</name><action>permit</action></rule></rule-list><rule-list><name>reader</name><group>reader</group><rule><name>get</name><rpc-name>get</rpc-name><action>permit</action></rule><rule><name>get-config</name><rpc-name>get-config</rpc-name><action>permit</action></rule><rule><name>get-data</name><rpc-name>get-data</rpc-name><action>permit</action></rule><rule><name>get-schema</name><rpc-name>get-schema</rpc-name><action>permit</action></rule><rule><name>create-subscription</name><rpc-name>create-subscription</rpc-name><action>permit</action></rule><rule><name>explain-access</name><rpc-name>explain-access</rpc-name><action>permit</action></rule><rule><name>no-other-operation</name><rpc-name>*</rpc-name><action>deny</action></rule><rule><name>no-change</name><access-operations>create update delete exec</access-operations><action>deny</action></rule></rule-list><rule-list><name>technicians</name><group>technicians</group><rule><name>may restart the daemon</name><module-name>yangswan-ipsec</module-name><rpc-name>restart-daemon</rpc-name><access-operations>exec</access-operations><action>permit</action><comment>Otto &amp; his shift: "at night" &lt;only&gt;, äöü</comment></rule><rule><name>keys of any module</name><rpc-name>generate-key-pair</rpc-name><action>permit</action></rule><rule><name>no keys from elsewhere</name><module-name>yangswan-ipsec</module-name><rpc-name>import-private-key</rpc-name><action>deny</action></rule><rule><name>packets</name><module-name>yangswan-ipsec</module-name><notification-name>packet</notification-name><access-operations>read</access-operations><action>permit</action></rule><rule><name>no other rpc</name><module-name>yangswan-ipsec</module-name><rpc-name>*</rpc-name><action>deny</action></rule><rule><name>no other notification</name><module-name>yangswan-ipsec</module-name><notification-name>*</notification-name><action>deny</action></rule><rule><name>the authority is fixed</name><module-name>yangswan-ipsec</module-name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates/ipsec:certificate[ipsec:name=''acme'']</path><access-operations>create update delete</access-operations><action>deny</action></rule><rule><name>certificates</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates/ipsec:certificate</path><access-operations>*</access-operations><action>permit</action></rule><rule><name>secret</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:tunnels/ipsec:ipsec[ipsec:id=''1'']/ipsec:secret</path><access-operations>*</access-operations><action>deny</action></rule><rule><name>all of ipsec</name><module-name>yangswan-ipsec</module-name><action>permit</action></rule></rule-list><rule-list><name>auditors</name><group>auditors</group><rule><name>nothing of certificates</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates</path><access-operations>*</access-operations><action>deny</action></rule><rule><name>nothing of their state</name><module-name>yangswan-ipsec</module-name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificate-state</path><access-operations>read</access-operations><action>deny</action></rule><rule><name>reads ipsec (yangswan-pki)</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:daemon/ipsec:version</path><access-operations>read</access-operations><action>permit</action></rule><rule><name>reads ipsec</name><module-name>yangswan-ipsec</module-name><path>/</path><access-operations>read</access-operations><action>permit</action><comment>A reader,
of two lines.</comment></rule><rule><name>changes nothing of ipsec</name><module-name>yangswan-ipsec</module-name><access-operations>create update delete exec</access-operations><action>deny</action></rule></rule-list><rule-list><name>robots</name><group>robots</group><rule><name>its own certificate</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates/ipsec:certificate[ipsec:name=''gateway'']</path><access-operations>*</access-operations><action>permit</action></rule><rule><name>no other certificate</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates</path><access-operations>*</access-operations><action>deny</action></rule><rule><name>agent</name><module-name>yangswan-agent</module-name><rpc-name>explain-access</rpc-name><action>permit</action></rule></rule-list></nacm>' AS BLOB), CAST('<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><rule-list><name>admin</name><group>admin</group><rule><name>everything</name><action>permit</action><comment>May do everything.</comment></rule></rule-list><rule-list><name>operator</name><group>operator</group><rule><name>not-the-rules</name><module-name>ietf-netconf-acm</module-name><action>deny</action></rule><rule><name>everything-else</name><action>permit</action></rule></rule-list><rule-list><name>reader</name><group>reader</group><rule><name>get</name><rpc-name>get</rpc-name><action>permit</action></rule><rule><name>get-config</name><rpc-name>get-config</rpc-name><action>permit</action></rule><rule><name>get-data</name><rpc-name>get-data</rpc-name><action>permit</action></rule><rule><name>get-schema</name><rpc-name>get-schema</rpc-name><action>permit</action></rule><rule><name>create-subscription</name><rpc-name>create-subscription</rpc-name><action>permit</action></rule><rule><name>explain-access</name><rpc-name>explain-access</rpc-name><action>permit</action></rule><rule><name>no-other-operation</name><rpc-name>*</rpc-name><action>deny</action></rule><rule><name>no-change</name><access-operations>create update delete exec</access-operations><action>deny</action></rule></rule-list><rule-list><name>technicians</name><group>technicians</group><rule><name>may restart the daemon</name><module-name>yangswan-ipsec</module-name><rpc-name>restart-daemon</rpc-name><access-operations>exec</access-operations><action>permit</action><comment>Otto &amp; his shift: "at night" &lt;only&gt;, äöü</comment></rule><rule><name>keys of any module</name><rpc-name>generate-key-pair</rpc-name><action>permit</action></rule><rule><name>no keys from elsewhere</name><module-name>yangswan-ipsec</module-name><rpc-name>import-private-key</rpc-name><action>deny</action></rule><rule><name>packets</name><module-name>yangswan-ipsec</module-name><notification-name>packet</notification-name><access-operations>read</access-operations><action>permit</action></rule><rule><name>no other rpc</name><module-name>yangswan-ipsec</module-name><rpc-name>*</rpc-name><action>deny</action></rule><rule><name>no other notification</name><module-name>yangswan-ipsec</module-name><notification-name>*</notification-name><action>deny</action></rule><rule><name>the authority is fixed</name><module-name>yangswan-ipsec</module-name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates/ipsec:certificate[ipsec:name=''acme'']</path><access-operations>create update delete</access-operations><action>deny</action></rule><rule><name>certificates</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates/ipsec:certificate</path><access-operations>*</access-operations><action>permit</action></rule><rule><name>secret</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:tunnels/ipsec:ipsec[ipsec:id=''1'']/ipsec:secret</path><access-operations>*</access-operations><action>deny</action></rule><rule><name>all of ipsec</name><module-name>yangswan-ipsec</module-name><action>permit</action></rule></rule-list><rule-list><name>auditors</name><group>auditors</group><rule><name>nothing of certificates</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates</path><access-operations>*</access-operations><action>deny</action></rule><rule><name>nothing of their state</name><module-name>yangswan-ipsec</module-name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificate-state</path><access-operations>read</access-operations><action>deny</action></rule><rule><name>reads ipsec (yangswan-pki)</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:daemon/ipsec:version</path><access-operations>read</access-operations><action>permit</action></rule><rule><name>reads ipsec</name><module-name>yangswan-ipsec</module-name><path>/</path><access-operations>read</access-operations><action>permit</action><comment>A reader,
of two lines.</comment></rule><rule><name>changes nothing of ipsec</name><module-name>yangswan-ipsec</module-name><access-operations>create update delete exec</access-operations><action>deny</action></rule></rule-list></nacm>' AS BLOB));
INSERT INTO changes VALUES (8, 1, '/yangswan-ipsec:certificates/certificate[name=''gateway'']', CAST('<certificates xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><certificate><name>gateway</name><pem>-----BEGIN CERTIFICATE-----
MIIBYTCCAQegAwIBAgITStN0/tfRa0bXT8OA9xdHX5cnVDAKBggqhkjOPQQDAjAj
MQ0wCwYDVQQKDARBQ01FMRIwEAYDVQQDDAlBdXRob3JpdHkwIBcNMjYwMTAxMDAw
MDAwWhgPMjEyNjAxMDEwMDAwMDBaMB0xDTALBgNVBAoMBEFDTUUxDDAKBgNVBAMM
A2d3MTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFHQrZfyUnSe/Fo3z+dyNz/D
DrSDh5r3PkvdrKi3XbWI++iVyRCrKeSISZVnjg/1ICD9jknaUYTXjfqmKidqZl6j
HjAcMBoGA1UdEQQTMBGCD2d3MS5leGFtcGxlLmNvbTAKBggqhkjOPQQDAgNIADBF
AiEAwBhLpDX9OReQFnf2XbtTFQlSIU+Hkn8eushHjrAjwiwCIE5jak/q2SKwjOHX
GWKBQX7ht8Iz7GrR5hgLbd6obKoG
-----END CERTIFICATE-----
</pem></certificate></certificates>' AS BLOB), CAST('<certificates xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><certificate><name>gateway</name><pem>-----BEGIN CERTIFICATE-----
MIIBYjCCAQigAwIBAgIURYNoJq0qJkUiLQRuEcia+KrHd6MwCgYIKoZIzj0EAwIw
IzENMAsGA1UECgwEQUNNRTESMBAGA1UEAwwJQXV0aG9yaXR5MCAXDTI2MDEwMTAw
MDAwMFoYDzIxMjYwMTAxMDAwMDAwWjAdMQwwCgYDVQQDDANndzIxDTALBgNVBAoM
BEFDTUUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQE/CfmoEn28DMR+eF/wulO
zNO04HNS43BIRjrcv3P6IegpEFzlibPIpebrXzDtNC0DJEA4Qpptjuhvk/r7SwPR
ox4wHDAaBgNVHREEEzARgg9ndzEuZXhhbXBsZS5jb20wCgYIKoZIzj0EAwIDSAAw
RQIhANqscUsykCYsluw/bIQoc5VTaOzO23YQ5SZITstAPemEAiBem1HrPqysfoEW
JurnEZyncztN8OReLdBXSh/u2FTNmg==
-----END CERTIFICATE-----
</pem></certificate></certificates>' AS BLOB));
INSERT INTO changes VALUES (8, 2, '/yangswan-ipsec:certificates/certificate[name=''later'']', x'', CAST('<certificates xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><certificate><name>later</name><pem>-----BEGIN CERTIFICATE-----
MIIBZTCCAQugAwIBAgIUcN94cpqnemc9uiUs0QuF6OpgNq4wCgYIKoZIzj0EAwIw
JzENMAsGA1UECgwEQUNNRTEWMBQGA1UEAwwNT2xkIEF1dGhvcml0eTAgFw0yNjAx
MDEwMDAwMDBaGA8yMTI2MDEwMTAwMDAwMFowJzENMAsGA1UECgwEQUNNRTEWMBQG
A1UEAwwNT2xkIEF1dGhvcml0eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKmk
njOTh7j9TwibHyBjZCKLZ+7fkHfE3XanY3rw/YhMj6Ai2hRxRLrd/74IcnHAqUR2
IiPTJnZ27Mj5mskR4uOjEzARMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwID
SAAwRQIgZSKHQdCOsv7s9nSJj1EgsHNATBpnX/gRiEVdHKiQ3TMCIQDBQDEAGPRL
54sg30kdvNwLyjk4/2fUwCxDJuZO3IEg1w==
-----END CERTIFICATE-----
</pem></certificate></certificates>' AS BLOB));
INSERT INTO changes VALUES (8, 3, '/yangswan-ipsec:tunnels/ipsec[id=''1'']', CAST('<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>1</id><description>Branch &amp; "Office"</description><initiator>true</initiator><secret>not-a-real-secret&lt;2&gt;</secret><local-address>192.0.2.1</local-address><peer>198.51.100.1</peer><local-id/><remote-id/><local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.2.0.0/16</remote-subnet><dpd/><ike><fragmentation/><ppk/></ike><esp><lifetime-soft/><lifetime-hard/></esp></ipsec></tunnels>' AS BLOB), CAST('<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>1</id><description>Branch &amp; "Office"</description><initiator>true</initiator><secret>a-pending-secret</secret><local-address>192.0.2.1</local-address><peer>198.51.100.1</peer><local-id/><remote-id/><local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.2.0.0/16</remote-subnet><dpd/><ike><fragmentation/><ppk/></ike><esp><lifetime-soft/><lifetime-hard/></esp></ipsec></tunnels>' AS BLOB));
INSERT INTO changes VALUES (8, 4, '/yangswan-ipsec:certificates/certificate[name=''second'']', CAST('<certificates xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><certificate><name>second</name><pem>-----BEGIN CERTIFICATE-----
MIIBYjCCAQigAwIBAgIUcZJc0TFzRes6JAGszMTMmy/pMyEwCgYIKoZIzj0EAwIw
IzENMAsGA1UECgwEQUNNRTESMBAGA1UEAwwJQXV0aG9yaXR5MCAXDTI2MDEwMTAw
MDAwMFoYDzIxMjYwMTAxMDAwMDAwWjAdMQwwCgYDVQQDDANndzIxDTALBgNVBAoM
BEFDTUUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQE/CfmoEn28DMR+eF/wulO
zNO04HNS43BIRjrcv3P6IegpEFzlibPIpebrXzDtNC0DJEA4Qpptjuhvk/r7SwPR
ox4wHDAaBgNVHREEEzARgg9ndzIuZXhhbXBsZS5jb20wCgYIKoZIzj0EAwIDSAAw
RQIhAMN2D72IC4WJVj6PFPrhRrwyB5kIextBWfITv+4Vk6KbAiACt0qNYNtujMqn
IKB1lLO0uWuh3mk8KThWDEon8Z5uEQ==
-----END CERTIFICATE-----
</pem></certificate></certificates>' AS BLOB), x'');
INSERT INTO changes VALUES (8, 5, '/yangswan-ipsec:tunnels/ipsec[id=''3'']', CAST('<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>3</id><certificate><own>second</own><trusted-ca>acme</trusted-ca></certificate><local-address>192.0.2.1</local-address><peer>198.51.100.3</peer><local-id/><remote-id/><local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.4.0.0/16</remote-subnet><dpd/><ike><fragmentation/><ppk/></ike><esp><lifetime-soft/><lifetime-hard/></esp></ipsec></tunnels>' AS BLOB), x'');
INSERT INTO changes VALUES (9, 0, '/yangswan-ipsec:certificates/certificate[name=''second'']', x'', CAST('<certificates xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><certificate><name>second</name><pem>-----BEGIN CERTIFICATE-----
MIIBYjCCAQigAwIBAgIUcZJc0TFzRes6JAGszMTMmy/pMyEwCgYIKoZIzj0EAwIw
IzENMAsGA1UECgwEQUNNRTESMBAGA1UEAwwJQXV0aG9yaXR5MCAXDTI2MDEwMTAw
MDAwMFoYDzIxMjYwMTAxMDAwMDAwWjAdMQwwCgYDVQQDDANndzIxDTALBgNVBAoM
BEFDTUUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQE/CfmoEn28DMR+eF/wulO
zNO04HNS43BIRjrcv3P6IegpEFzlibPIpebrXzDtNC0DJEA4Qpptjuhvk/r7SwPR
ox4wHDAaBgNVHREEEzARgg9ndzIuZXhhbXBsZS5jb20wCgYIKoZIzj0EAwIDSAAw
RQIhAMN2D72IC4WJVj6PFPrhRrwyB5kIextBWfITv+4Vk6KbAiACt0qNYNtujMqn
IKB1lLO0uWuh3mk8KThWDEon8Z5uEQ==
-----END CERTIFICATE-----
</pem></certificate></certificates>' AS BLOB));
INSERT INTO changes VALUES (9, 1, '/yangswan-ipsec:tunnels/ipsec[id=''4'']', x'', CAST('<tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>4</id><certificate><own>gateway</own><trusted-ca>acme</trusted-ca></certificate><local-address>192.0.2.1</local-address><peer>198.51.100.4</peer><local-id/><remote-id/><local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.5.0.0/16</remote-subnet><dpd/><ike><fragmentation/><ppk/></ike><esp><lifetime-soft/><lifetime-hard/></esp></ipsec></tunnels>' AS BLOB));
INSERT INTO snapshots VALUES (3, CAST('<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><enable-external-groups>false</enable-external-groups><groups><group><name>admin</name><user-name>admin</user-name></group><group><name>operator</name></group><group><name>reader</name></group><group><name>technicians</name><user-name>otto</user-name></group><group><name>auditors</name><user-name>anna</user-name></group><group><name>robots</name><user-name>gateway</user-name></group></groups><rule-list><name>admin</name><group>admin</group><rule><name>everything</name><action>permit</action><comment>May do everything.</comment></rule></rule-list><rule-list><name>operator</name><group>operator</group><rule><name>not-the-rules</name><module-name>ietf-netconf-acm</module-name><action>deny</action></rule><rule><name>everything-else</name><action>permit</action></rule></rule-list><rule-list><name>reader</name><group>reader</group><rule><name>get</name><rpc-name>get</rpc-name><action>permit</action></rule><rule><name>get-config</name><rpc-name>get-config</rpc-name><action>permit</action></rule><rule><name>get-data</name><rpc-name>get-data</rpc-name><action>permit</action></rule><rule><name>get-schema</name><rpc-name>get-schema</rpc-name><action>permit</action></rule><rule><name>create-subscription</name><rpc-name>create-subscription</rpc-name><action>permit</action></rule><rule><name>explain-access</name><rpc-name>explain-access</rpc-name><action>permit</action></rule><rule><name>no-other-operation</name><rpc-name>*</rpc-name><action>deny</action></rule><rule><name>no-change</name><access-operations>create update delete exec</access-operations><action>deny</action></rule></rule-list><rule-list><name>technicians</name><group>technicians</group><rule><name>may restart the daemon</name><module-name>yangswan-ipsec</module-name><rpc-name>restart-daemon</rpc-name><access-operations>exec</access-operations><action>permit</action><comment>Otto &amp; his shift: "at night" &lt;only&gt;, äöü</comment></rule><rule><name>keys of any module</name><rpc-name>generate-key-pair</rpc-name><action>permit</action></rule><rule><name>no keys from elsewhere</name><module-name>yangswan-ipsec</module-name><rpc-name>import-private-key</rpc-name><action>deny</action></rule><rule><name>packets</name><module-name>yangswan-ipsec</module-name><notification-name>packet</notification-name><access-operations>read</access-operations><action>permit</action></rule><rule><name>no other rpc</name><module-name>yangswan-ipsec</module-name><rpc-name>*</rpc-name><action>deny</action></rule><rule><name>no other notification</name><module-name>yangswan-ipsec</module-name><notification-name>*</notification-name><action>deny</action></rule><rule><name>the authority is fixed</name><module-name>yangswan-ipsec</module-name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates/ipsec:certificate[ipsec:name=''acme'']</path><access-operations>create update delete</access-operations><action>deny</action></rule><rule><name>certificates</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates/ipsec:certificate</path><access-operations>*</access-operations><action>permit</action></rule><rule><name>secret</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:tunnels/ipsec:ipsec[ipsec:id=''1'']/ipsec:secret</path><access-operations>*</access-operations><action>deny</action></rule><rule><name>all of ipsec</name><module-name>yangswan-ipsec</module-name><action>permit</action></rule></rule-list><rule-list><name>auditors</name><group>auditors</group><rule><name>nothing of certificates</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates</path><access-operations>*</access-operations><action>deny</action></rule><rule><name>nothing of their state</name><module-name>yangswan-ipsec</module-name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificate-state</path><access-operations>read</access-operations><action>deny</action></rule><rule><name>reads ipsec (yangswan-pki)</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:daemon/ipsec:version</path><access-operations>read</access-operations><action>permit</action></rule><rule><name>reads ipsec</name><module-name>yangswan-ipsec</module-name><path>/</path><access-operations>read</access-operations><action>permit</action><comment>A reader,
of two lines.</comment></rule><rule><name>changes nothing of ipsec</name><module-name>yangswan-ipsec</module-name><access-operations>create update delete exec</access-operations><action>deny</action></rule></rule-list><rule-list><name>robots</name><group>robots</group><rule><name>its own certificate</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates/ipsec:certificate[ipsec:name=''gateway'']</path><access-operations>*</access-operations><action>permit</action></rule><rule><name>no other certificate</name><path xmlns:ipsec="urn:yangswan:params:xml:ns:yang:ipsec">/ipsec:certificates</path><access-operations>*</access-operations><action>deny</action></rule><rule><name>agent</name><module-name>yangswan-agent</module-name><rpc-name>explain-access</rpc-name><action>permit</action></rule></rule-list></nacm><certificates xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><certificate><name>acme</name><pem>-----BEGIN CERTIFICATE-----
MIIBXDCCAQOgAwIBAgIUP/+Kg1ZFJqdalUR+cDOf8D6ISHIwCgYIKoZIzj0EAwIw
IzENMAsGA1UECgwEQUNNRTESMBAGA1UEAwwJQXV0aG9yaXR5MCAXDTI2MDEwMTAw
MDAwMFoYDzIxMjYwMTAxMDAwMDAwWjAjMQ0wCwYDVQQKDARBQ01FMRIwEAYDVQQD
DAlBdXRob3JpdHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAART7FfCcIsh20ed
BOBDys3qUcgCmj/bm92axTsUyXTyERJ9046V3n6XX4bIfA3Dc29pB3yO2HEPbpEl
bdfhxo33oxMwETAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIBP+
bnS3a1hRN02QpHblL3p6cfMxYZOcKSoz139zCU24AiA7cFseI7q4MFnPs4hd9Lcd
lwEFJhBqD/jBHoGAhhKfFg==
-----END CERTIFICATE-----
</pem></certificate><certificate><name>gateway</name><pem>-----BEGIN CERTIFICATE-----
MIIBYTCCAQegAwIBAgITStN0/tfRa0bXT8OA9xdHX5cnVDAKBggqhkjOPQQDAjAj
MQ0wCwYDVQQKDARBQ01FMRIwEAYDVQQDDAlBdXRob3JpdHkwIBcNMjYwMTAxMDAw
MDAwWhgPMjEyNjAxMDEwMDAwMDBaMB0xDTALBgNVBAoMBEFDTUUxDDAKBgNVBAMM
A2d3MTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFHQrZfyUnSe/Fo3z+dyNz/D
DrSDh5r3PkvdrKi3XbWI++iVyRCrKeSISZVnjg/1ICD9jknaUYTXjfqmKidqZl6j
HjAcMBoGA1UdEQQTMBGCD2d3MS5leGFtcGxlLmNvbTAKBggqhkjOPQQDAgNIADBF
AiEAwBhLpDX9OReQFnf2XbtTFQlSIU+Hkn8eushHjrAjwiwCIE5jak/q2SKwjOHX
GWKBQX7ht8Iz7GrR5hgLbd6obKoG
-----END CERTIFICATE-----
</pem></certificate><certificate><name>retired</name><pem>-----BEGIN CERTIFICATE-----
MIIBZTCCAQugAwIBAgIUcN94cpqnemc9uiUs0QuF6OpgNq4wCgYIKoZIzj0EAwIw
JzENMAsGA1UECgwEQUNNRTEWMBQGA1UEAwwNT2xkIEF1dGhvcml0eTAgFw0yNjAx
MDEwMDAwMDBaGA8yMTI2MDEwMTAwMDAwMFowJzENMAsGA1UECgwEQUNNRTEWMBQG
A1UEAwwNT2xkIEF1dGhvcml0eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKmk
njOTh7j9TwibHyBjZCKLZ+7fkHfE3XanY3rw/YhMj6Ai2hRxRLrd/74IcnHAqUR2
IiPTJnZ27Mj5mskR4uOjEzARMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwID
SAAwRQIgZSKHQdCOsv7s9nSJj1EgsHNATBpnX/gRiEVdHKiQ3TMCIQDBQDEAGPRL
54sg30kdvNwLyjk4/2fUwCxDJuZO3IEg1w==
-----END CERTIFICATE-----
</pem></certificate></certificates><tunnels xmlns="urn:yangswan:params:xml:ns:yang:ipsec"><ipsec><id>1</id><description>Branch &amp; "Office"</description><initiator>true</initiator><secret>not-a-real-secret&lt;1&gt;</secret><local-address>192.0.2.1</local-address><peer>198.51.100.1</peer><local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.2.0.0/16</remote-subnet></ipsec><ipsec><id>2</id><certificate><own>gateway</own><trusted-ca>acme</trusted-ca><trusted-ca>retired</trusted-ca></certificate><local-address>192.0.2.1</local-address><peer>198.51.100.2</peer><local-id><name>gw1.example.com</name></local-id><local-subnet>10.1.0.0/16</local-subnet><remote-subnet>10.3.0.0/16</remote-subnet></ipsec></tunnels>' AS BLOB));
INSERT INTO confirmed_commit VALUES (1, 7, 3600, 1, 'admin', '127.0.0.1', 'a-token');
INSERT INTO notes VALUES ('capabilities', 'urn:ietf:params:netconf:base:1.0
urn:ietf:params:netconf:base:1.1
urn:ietf:params:netconf:capability:candidate:1.0
urn:ietf:params:netconf:capability:confirmed-commit:1.0
urn:ietf:params:netconf:capability:confirmed-commit:1.1
urn:ietf:params:netconf:capability:interleave:1.0
urn:ietf:params:netconf:capability:notification:1.0
urn:ietf:params:netconf:capability:rollback-on-error:1.0
urn:ietf:params:netconf:capability:validate:1.1
urn:ietf:params:netconf:capability:with-defaults:1.0?basic-mode=explicit&also-supported=report-all,report-all-tagged,trim
urn:ietf:params:netconf:capability:with-operational-defaults:1.0?basic-mode=report-all&also-supported=explicit,report-all-tagged,trim
urn:ietf:params:netconf:capability:xpath:1.0
urn:ietf:params:netconf:capability:yang-library:1.1?revision=2019-01-04&content-id=706361826d591aa8
urn:ietf:params:netconf:capability:yang-library:1.0?revision=2019-01-04&module-set-id=706361826d591aa8
urn:ietf:params:xml:ns:netconf:base:1.0?module=ietf-netconf&revision=2011-06-01&features=candidate,confirmed-commit,rollback-on-error,validate,xpath
urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults?module=ietf-netconf-with-defaults&revision=2011-06-01
urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring?module=ietf-netconf-monitoring&revision=2010-10-04
urn:ietf:params:xml:ns:yang:ietf-netconf-acm?module=ietf-netconf-acm&revision=2018-02-14
urn:ietf:params:xml:ns:yang:ietf-netconf-notifications?module=ietf-netconf-notifications&revision=2012-02-06
urn:ietf:params:xml:ns:netconf:notification:1.0?module=notifications&revision=2008-07-14
urn:ietf:params:xml:ns:netmod:notification?module=nc-notifications&revision=2008-07-14');
INSERT INTO notes VALUES ('first-rules', 'made');
