from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models

from helpdesk.migration_operations import DefinerFunction, PureFunction

SCOPE = "nullif(current_setting('everydesk.organization_id', true), '')::bigint"
# Line ends keep name and company apart.
NAMES = "lower(normalize(name || E'\\n' || company, NFKC))"
WANTED = "lower(normalize(wanted, NFKC))"


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0002_isolation")]

    operations = [
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(
                condition=models.Q(("email", ""), _negated=True),
                fields=["organization", "email"],
                name="customer_email",
            ),
        ),
        # Every character and every pair of them, each with the organization: a search of one reads nothing
        # of another's.
        PureFunction(
            "everydesk_name_grams(organization bigint, name text, company text)",
            "text[]",
            f"DECLARE even text := btrim({NAMES}, E' \\n\\t'); mine text := organization::text || ':'; "
            "found text[]; BEGIN FOR place IN 1..char_length(even) LOOP found := found "
            "|| (mine || substr(even, place, 1)) || (mine || substr(even, place, 2)); "
            "END LOOP; RETURN found; END",
        ),
        migrations.AddIndex(
            model_name="customer",
            index=GinIndex(
                models.Func("organization", "name", "company", function="everydesk_name_grams"),
                name="customer_names",
            ),
        ),
        # Newest first. The array operator is not leakproof: under row-level security its index is skipped.
        DefinerFunction(
            "everydesk_customers_named(wanted text, most integer)",
            "TABLE (id bigint)",
            "WITH found AS MATERIALIZED (SELECT c.id, c.name, c.company FROM helpdesk_customer c "
            f"WHERE c.organization_id = {SCOPE} "
            "AND everydesk_name_grams(c.organization_id, c.name, c.company) "
            f"@> everydesk_name_grams({SCOPE}, wanted, '')) "
            f"SELECT found.id FROM found WHERE position({WANTED} IN {NAMES}) > 0 "
            "ORDER BY found.id DESC LIMIT most",
        ),
    ]
