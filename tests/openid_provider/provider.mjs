// An OpenID provider on loopback: `node provider.mjs <port>`. Whoever login_hint names is signed in at once.
import { generateKeyPair, exportJWK } from "jose";
import Provider from "oidc-provider";

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const { privateKey } = await generateKeyPair("RS256", { extractable: true });
const claimsOf = (accountId) => ({ sub: accountId, email: `${accountId}@example.com`, email_verified: true });

const provider = new Provider(issuer, {
  jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: "RS256", use: "sig", kid: "of-the-provider" }] },
  clients: [
    {
      client_id: "app",
      application_type: "native",
      token_endpoint_auth_method: "none",
      redirect_uris: ["com.example.calls:/signed-in"],
      response_types: ["code"],
      grant_types: ["authorization_code"],
    },
  ],
  scopes: ["openid", "email"],
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  cookies: { keys: ["only-for-this-run"] },
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, resource) => ({
        audience: resource,
        scope: "calls other",
        accessTokenFormat: "jwt",
        accessTokenTTL: 600,
      }),
    },
  },
  extraTokenClaims: async (_ctx, token) => {
    const { sub: _, ...claims } = claimsOf(token.accountId);
    return claims;
  },
  findAccount: (_ctx, accountId) => ({ accountId, claims: () => claimsOf(accountId) }),
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith("/interaction/")) return next();
  const { params, prompt, session } = await provider.interactionDetails(ctx.req, ctx.res);
  if (prompt.name === "login") {
    const login = { accountId: params.login_hint, amr: ["pwd", "mfa"] };
    return provider.interactionFinished(ctx.req, ctx.res, { login });
  }
  // Consent, which a native app's users are always asked for.
  const grant = new provider.Grant({ clientId: params.client_id, accountId: session.accountId });
  grant.addOIDCScope("openid email");
  grant.addResourceScope(params.resource, "calls other");
  const consent = { grantId: await grant.save() };
  await provider.interactionFinished(ctx.req, ctx.res, { consent }, { mergeWithLastSubmission: true });
});

provider.listen(port, "127.0.0.1", () => console.log(`ready at ${issuer}`));
