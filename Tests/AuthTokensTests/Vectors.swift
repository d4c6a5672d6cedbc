// SPDX-License-Identifier: Apache-2.0

// Made for these tests; the private halves were thrown away. The tokens are signed by Python's cryptography package
// and name alice at revision 7 until 4000000000.

enum Vectors {
    static let hmacSecret = "a7fa7d25b8834f1e047bc525845a312a2768779c1d3fff66311c00ec00be\n376b\n"

    static let rsaPublic = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAueGR3/xukGFk2qZuylhO
        ZbBqphnehnt2453ycnZS6AZfxHtH+9PLNWAZBhuZ4WIHRFUyePctkxgj3esacchW
        coQ7DjelJxgXCmrnR5Uu0e1eljzepzK3wA00J1EJS5TaEtkSu4/4BwWwKZG8jbO/
        RoWLG7NebgOV76ex/7d9te7rEDA7oWj3vu0/byx3jpJ+haob/bz4tF5pTwua5EJV
        e1En95QkpOMLme82YepJfjZjKDKruUOtvQLIb8HHYUq8Ku9A/lBX+vaEfKsRlDVh
        rTbCFkoE/2HP4XLqax5PLZSn09+xdcAITRvRgujPoBmFQkmwwU3ic/a+5fb5RQ1I
        OwIDAQAB
        -----END PUBLIC KEY-----
        """

    static let otherRSAPublic = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApmlKscUIY3Tmoyra5Uce
        lTgXzPv2ltiWJtrUMSJVWheHKIsnEQbVBX6nGBbppnyMNGFJMsoTA2tR9xW763S9
        xF2m7EsB8K3dR0OZCecI4DmMDKWrdZv0c8AEwDQ8q7PH8M9RyCm894wPTnvGqBuj
        fIjvDe0oi5iER4VQu7tL/3nRjlukFSqThh5W/q13oBg6t9ix8OiO6XzxsS8IXhyR
        5KvJ9gseSuqG0DSXs2Jp6Hu0ggLkQNd1I0m8ga1BROD1eo7wiaxCKSrRnYVoamWH
        Kon5A9+KeCeojjC8QsmolDtqE3FDIsJ/C75cWVnFTSb7Cj6rvZT/ukMPZUw5yDeo
        WQIDAQAB
        -----END PUBLIC KEY-----
        """

    static let p256Public = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQg0FrdEdSio8sGWe5M2dDYDeYdgV
        e5/f/WVq/6PBBhPAnJnY0znOGdfdTBawpSlRf3qZYU+kNoS7l+RxD6B68Q==
        -----END PUBLIC KEY-----
        """

    static let p384Public = """
        -----BEGIN PUBLIC KEY-----
        MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE3yOECUmMU6vqkYvGRjbZ8m09inW7fO5K
        CFkvNZLNCwuQgWOLNmLkywlxsJnACm99jrOL8/+2UrrcVK1EBYJ/iFo/tGAfJZyT
        dQeLqMbaEHCqxaA3AKsE74DfQZqlXHej
        -----END PUBLIC KEY-----
        """

    static let p521Public = """
        -----BEGIN PUBLIC KEY-----
        MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAePrniRswb5TRTvOXwkpEqbqPNpOb
        W33hTJhPUV81VUXwuFR9TDRTpWpto1fHLTi175AKKObqcKGIcDTLgxMCnpUBEhNf
        RqI+AhlI18WqLQhr2u6JNMdP2TnSOWQDpO0BADxYKVQyAlC3Kj+TN+htoBsgx0dr
        QA0uNKmf7XsW27BTBaI=
        -----END PUBLIC KEY-----
        """

    static let ed25519Public = """
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEACvjRsjAU1hZoCbiYJHba/O/AqYMLrF6P/y5pXgeudD4=
        -----END PUBLIC KEY-----
        """

    /// Subject: O=martlet, CN=first, CN=alice. The key is `rsaPublic`.
    static let rsaCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIDRzCCAi+gAwIBAgIUDNG1XKURc1NPB9Nn0LE7AEsE3r4wDQYJKoZIhvcNAQEL
        BQAwMjEQMA4GA1UECgwHbWFydGxldDEOMAwGA1UEAwwFZmlyc3QxDjAMBgNVBAMM
        BWFsaWNlMCAXDTI2MTEyMTA2MjEwOFoYDzIxMjYxMDI4MDYyMTA4WjAyMRAwDgYD
        VQQKDAdtYXJ0bGV0MQ4wDAYDVQQDDAVmaXJzdDEOMAwGA1UEAwwFYWxpY2UwggEi
        MA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQC54ZHf/G6QYWTapm7KWE5lsGqm
        Gd6Ge3bjnfJydlLoBl/Ee0f708s1YBkGG5nhYgdEVTJ49y2TGCPd6xpxyFZyhDsO
        N6UnGBcKaudHlS7R7V6WPN6nMrfADTQnUQlLlNoS2RK7j/gHBbApkbyNs79GhYsb
        s15uA5Xvp7H/t3217usQMDuhaPe+7T9vLHeOkn6Fqhv9vPi0XmlPC5rkQlV7USf3
        lCSk4wuZ7zZh6kl+NmMoMqu5Q629AshvwcdhSrwq70D+UFf69oR8qxGUNWGtNsIW
        SgT/Yc/hcuprHk8tlKfT37F1wAhNG9GC6M+gGYVCSbDBTeJz9r7l9vlFDUg7AgMB
        AAGjUzBRMB0GA1UdDgQWBBTUIy6BUypdRJoo3w9cMx83X+ZKFjAfBgNVHSMEGDAW
        gBTUIy6BUypdRJoo3w9cMx83X+ZKFjAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3
        DQEBCwUAA4IBAQAkopbt6hmbaU8dL6IO2IxPY5T7Xgc9bg4PH6fyMvm5N0COi1a7
        Wz1jb3rnnjoS5a7MZnxfk4cqtaNF51IjjaNfmF6UlvMphwHoMeZBOo1We1GK/ieR
        uBl1jEgRZK55b9SL+939CLqnnq+ovoJ4uwmsyNZ/JOrvT+760s8NABxGU/CRRylE
        HuVtsb3MHHtcVt/UC9s3Wt7yLSKb0lU1iNMNVZj+gRT7HUIe8M98pKko5WlA+4ZU
        9/2QxOmW1C4QJLshezsFwxOg4bBAIrfONo18unPNWxyewVFL8DSYO05hmcxZfRvC
        NCyUuKNhHUOFpq8UQe5OsBClJUH0yJvNiyFn
        -----END CERTIFICATE-----
        """

    /// Subject: O=nobody. The key is `p256Public`.
    static let p256Certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBeTCCAR+gAwIBAgIUDc4JfhCx2MbxV/c3EMSicS6Zu9UwCgYIKoZIzj0EAwIw
        ETEPMA0GA1UECgwGbm9ib2R5MCAXDTI2MTEyMTA2MjEwOFoYDzIxMjYxMDI4MDYy
        MTA4WjARMQ8wDQYDVQQKDAZub2JvZHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
        AARCDQWt0R1KKjywZZ7kzZ0NgN5h2BV7n9/9ZWr/o8EGE8CcmdjTOc4Z191MFrCl
        KVF/eplhT6Q2hLuX5HEPoHrxo1MwUTAdBgNVHQ4EFgQUivnZIOOqNsndnybNpInu
        JA9/HFQwHwYDVR0jBBgwFoAUivnZIOOqNsndnybNpInuJA9/HFQwDwYDVR0TAQH/
        BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA85H9YJUI9IpmNWKegcxwripR1yO6
        w6v0F4O1a5ErjhYCIF1rQXeGn+MQ63rgfslVzvhk17TyFYINSxRH5IZ/vtaP
        -----END CERTIFICATE-----
        """

    static let tokens: [String: String] = [
        "HS256":
            "eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJ1c2VybmFtZSI6ICJhbGljZSIsICJyZXZpc2lvbiI6IDcsICJleHA"
            + "iOiA0MDAwMDAwMDAwfQ.y4fj2N45yd0eB_8KoA_vm-Td0IFYs-8nSLzP0IGJYvY",
        "HS384":
            "eyJhbGciOiAiSFMzODQiLCAidHlwIjogIkpXVCJ9.eyJ1c2VybmFtZSI6ICJhbGljZSIsICJyZXZpc2lvbiI6IDcsICJleHA"
            + "iOiA0MDAwMDAwMDAwfQ._bmlqDZuhtV2knzG5XuXV9Vz_jYJjTrcE0AW0PQz8kpmxdii1qNVjA6eol6p8CLj",
        "HS512":
            "eyJhbGciOiAiSFM1MTIiLCAidHlwIjogIkpXVCJ9.eyJ1c2VybmFtZSI6ICJhbGljZSIsICJyZXZpc2lvbiI6IDcsICJleHA"
            + "iOiA0MDAwMDAwMDAwfQ.2eiLQ3ZBxMvcetXn1ea4mkLRT-Ighl7zWXd_Ktb-TIqHiZOIGvtg0X8O6QOQyQSM4AB1dzw7MNbO"
            + "yj_WoftZIA",
        "RS256":
            "eyJhbGciOiAiUlMyNTYiLCAidHlwIjogIkpXVCJ9.eyJ1c2VybmFtZSI6ICJhbGljZSIsICJyZXZpc2lvbiI6IDcsICJleHA"
            + "iOiA0MDAwMDAwMDAwfQ.BdKQRYmD92m0KFGtnBeIia-WyDW2Zb3RBBjBRSdH2wCUIII_WpCHB1kXf6plN4bNa-3HOTACz_s6"
            + "l6AiCky9Y9lJY_d_n8cgOKzg2xM74QEMrqB1yf_Uq9WCKEDI2fH4wtxIxXqWbWjhNTG4cBidPYt9bdQ-8II1vJlackVriiXE"
            + "mP2jr7obUMwlu-orO3o-_YJKWQZxlb1bzgY3FETZLGe7xx6vIPM_iEF9XgdPsi9NBd1c0v7RBSum3xwzMZA6KHBnv_yaHd8y"
            + "C5JGoaK8TngnjWe1JAenw9QSTlZRUweP9ADusRdL7YpOeYSCDQsjF4AOp57eJdwn_1eaYVwIMg",
        "RS384":
            "eyJhbGciOiAiUlMzODQiLCAidHlwIjogIkpXVCJ9.eyJ1c2VybmFtZSI6ICJhbGljZSIsICJyZXZpc2lvbiI6IDcsICJleHA"
            + "iOiA0MDAwMDAwMDAwfQ.srrt_hLjwRsy4RZ919HHFXQpt59dMp4wR4FTFuden1MHsC6aYi4xnIN406_YuvFqmk-lsXB5157a"
            + "3DqIQiPTy7s8ZmLZE9WsNNB0Mcqx1fMTnLCfo-wtARUnixDH2SANRWSgrvmafxeuwBa-HVNuz7PObIvAbrFk7mLEP2ePPHz2"
            + "wTHDZIc013g4jpKDgK85Xl22uEpGTzBsEhLRGnYLM2KbpykkSIKy_Uypz3URkBtQjbi3Nm2uAlm84pWSD39Vc819S-oZfCy3"
            + "DIl1F97OJnvX3JGMs6RrjzDgseTBw1DIJHG0m4W0waD4JN96zLAYX76jJPoFgdVGsJEjkPSZFA",
        "RS512":
            "eyJhbGciOiAiUlM1MTIiLCAidHlwIjogIkpXVCJ9.eyJ1c2VybmFtZSI6ICJhbGljZSIsICJyZXZpc2lvbiI6IDcsICJleHA"
            + "iOiA0MDAwMDAwMDAwfQ.WVugrxy9MXJ-nOSPoO7ZrfoX95syZoegEYsYe3S3adKLmbTeqdrDHvC3-Ue6eL34ezTOpvcrHssM"
            + "7v1jstpjp54Bf78tZ9GlmRz8D8WSv3H1zStcYWES5tK1a1pj4UcgD3tIVlAEPBnHdCgIDbWF7dnvZx-SecnFaNqIEq_z25TT"
            + "BzW972dk_YczLog9p8zTSs89POIQfChi6AA4KLpnPAhE4zRTp-kJHkk_4pSl0w8R8E2d6nUyhadqvYuOe4BTY_4skox7TXai"
            + "GPoEgVBrsAntNXtzdjtWXc2Ksg_WYUH7NBI2UZURoH88beGZI_u5hOd_XQmTIn8u2KwBBDbHwg",
        "PS256":
            "eyJhbGciOiAiUFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJ1c2VybmFtZSI6ICJhbGljZSIsICJyZXZpc2lvbiI6IDcsICJleHA"
            + "iOiA0MDAwMDAwMDAwfQ.U3BJWeTlinjqwKKWF5IAOtT_i8C6N-RKE7HHCObqWs6Zwnxy_AG-5LUOJAb2b_vA6j2sPmKjwQT4"
            + "jw49Lm9mwqqOdWXUoSlBaQYiFxwzgLE2CX2p4oQA5j3AFBYJGZYp1aRUMU9bkAYxNE-nfUIGmtYY1893wfukOjAwNd_P2aEm"
            + "YxHprp4swIFRyHn5bVR6tjQDYMOe2y2JGJ9aDCDi5TNll58Ns3HnisVtYsp-OwpvJ_q70QJEePYR1abu5D53kfAKoovMi2wb"
            + "aQp_c4lY4poNzULL3V5TKu2J9_Aselyynu8XZIRioNXozGaT25bYl2I4PTJ07Ukq1sWH3tCmHQ",
        "PS384":
            "eyJhbGciOiAiUFMzODQiLCAidHlwIjogIkpXVCJ9.eyJ1c2VybmFtZSI6ICJhbGljZSIsICJyZXZpc2lvbiI6IDcsICJleHA"
            + "iOiA0MDAwMDAwMDAwfQ.LvTXEn_Blr59X9UalE8ASGG_wIn_KJhVY_oKUDK1ukl7RdgbGzyPgIJsYzg6tfZkK5CFHZbgeAoD"
            + "YL0PUSeFClqrqCq_Zm8qOb4tUKswEDYjA0YYW8MorLkFu2I2Pop8i4PIghG4LYiPq2JsCIGjhdKSUZuhD0t-zRFbe4uhfcYm"
            + "QzQC_wuhlitF1LN6y5eFabpGEWUFsJDwdB47-jzxwbg6WOHAqK34CzCrlxBdhWqTR4hhtfkpUzP1Jr7wYfmhtXDiUyGBi_tO"
            + "ajNpCUuY_MsSyNWQLjOol_Fy5vGAdbk3cTQ456W8pA5iRCxB1hRx0HqPClHHhuhdCbJNaXs95w",
        "PS512":
            "eyJhbGciOiAiUFM1MTIiLCAidHlwIjogIkpXVCJ9.eyJ1c2VybmFtZSI6ICJhbGljZSIsICJyZXZpc2lvbiI6IDcsICJleHA"
            + "iOiA0MDAwMDAwMDAwfQ.eARuvChQM_l-mjLrKl4C5p9HzW2DCTSC_qO4nwCxFRcWwjFREpSEXwJqL5D7Z3MghzskaHOVWH43"
            + "q02rT-LfnxO2mCyxbt1qOgUgo0Q9TraX7Fj2KHs8SfgNoY2ngT0-N8UAIMAHKt7df8b1zfdJcnnv_6umyjPSwh9PdpOXqmrq"
            + "EG1MqVb_5k5pNpm_DnybHt3ukNPvAk6GavBeZSdhi8kVYL3B9D1HU5dytLmw2d7M3Ovj-3lLDsCbdRTUIRfdh0H9Wy_W7grl"
            + "EvUfXoh4zSG_LPVCuE1s0Feau03q6DZ9zlCx8I0chuJNsNGuXsd2CNUTHQZIlm0Dvr5BfYfNBg",
        "ES256":
            "eyJhbGciOiAiRVMyNTYiLCAidHlwIjogIkpXVCJ9.eyJ1c2VybmFtZSI6ICJhbGljZSIsICJyZXZpc2lvbiI6IDcsICJleHA"
            + "iOiA0MDAwMDAwMDAwfQ.adkjZG6VOvfdybSc4Ck7Oi_hYTCMPjxllhMxFWluEpVCJ55yY55uHqyIf8uRytgG2ZXAWHpy1C9T"
            + "lSK3SwPfNw",
        "ES384":
            "eyJhbGciOiAiRVMzODQiLCAidHlwIjogIkpXVCJ9.eyJ1c2VybmFtZSI6ICJhbGljZSIsICJyZXZpc2lvbiI6IDcsICJleHA"
            + "iOiA0MDAwMDAwMDAwfQ.eTeRTgivvZWGAV8X4muWjXiq3Fpqxs1fPdup2yXggY8zOobxnRClPla4fGGU4jxkmWIo2rFYQOQs"
            + "QNbL5qbNdJvdOeiGyglGUZPmMv2y1W45rkLEexVeNsd0XsHV9y-0",
        "ES512":
            "eyJhbGciOiAiRVM1MTIiLCAidHlwIjogIkpXVCJ9.eyJ1c2VybmFtZSI6ICJhbGljZSIsICJyZXZpc2lvbiI6IDcsICJleHA"
            + "iOiA0MDAwMDAwMDAwfQ.AOD2oawRMkdONTVGz3p-EiUl4aWu-QOYI4NspkiyYVewnfy3KACgoayBSVDv2mjJMsHBtQw8j9bT"
            + "47gciTE5d-5CAaaiaUVJvxdxWaI3NIRquOoX9OZbHXLGxNPTcunRy-ZR3TYJ4UL5CHNXlz_ZT6MY4VCqiPoEzPCDE3w7OkBk"
            + "KyH6",
        "EdDSA":
            "eyJhbGciOiAiRWREU0EiLCAidHlwIjogIkpXVCJ9.eyJ1c2VybmFtZSI6ICJhbGljZSIsICJyZXZpc2lvbiI6IDcsICJleHA"
            + "iOiA0MDAwMDAwMDAwfQ.f66xa1oz6Y7_8ka1zsiFu7BR0PiiMS9alo-GHjslsPCJUw6sOzwstGDlOntdBnFdcGwe5N6LcEco"
            + "3famgD8mBg",
    ]

    /// What etcd 3.5.1 gave the user `al<ic>e` at revision 4 with RS256; expires at 1795242711.
    static let etcdToken =
        "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3OTUyNDI3MTEsInJldmlzaW9uIjo0LCJ1c2VybmFtZSI6ImF"
        + "sXHUwMDNjaWNcdTAwM2VlIn0.k78vDM7Xe754SV2zjxbvq6j_Zo5Ar_rTJzQs3sNJwUWgB4vkLm3bhsRQbp0Dpx4OneY3xjJ"
        + "0iNY5yNN8TceJqkAXatcTBG6UU-bsxHyZ6EBtIgNtiTBBCqn76aPX-k1sc5MV8mSLc7zzmigo9jJJatZn4IMboO7W9bx_nfH"
        + "wT-gdUNiI-kyi-DQYKf4nuOdsLg3736JCnJwVVhSwv9_2H7fQjaV6ro6yTZQKDguI5oT9_Z7ZpON0ZFOqOzYAEHkXLvlCecC"
        + "-ILVybuM9k6X6HyFgptZSh6-PGst2SbBzQk6WepTqzKAVAOc30t4b9k2E4-Yi0aQccQJ2uu4TL72XgQ"

    /// Hashes out of the database of etcd 3.5.1, at cost 10.
    static let etcdHashes: [(password: String, hash: String)] = [
        ("", "$2a$10$/WAuliy2hcYlYS00H457B.45CA1p8oQDbYtzBZ0EsJhmfVirJaZOW"),
        ("alicepw", "$2a$10$7l9OWvGPo4Mx6AYB1ZmBSe3J74s1EDu.L/hx0Gqi7SPEBwe9yG95G"),
        ("rootpw", "$2a$10$hIvF7cCSOcJk6Vez90T3pOfsjMPjIA8AcuYddE2G3K7OWOMFte8Xq"),
        (String(repeating: "p", count: 72), "$2a$10$1igDMJHdvb5k9ABM4lPXdOODP/XAFD9hBVvaEEr8v7LJmF27FObNq"),
    ]
}
