# Everydesk in one word each. Needs Python 3.11 or newer and make; `make PYTHON=python3.12 run` chooses.
PYTHON ?= python3
IN_ENVIRONMENT = $(PYTHON) deploy/bootstrap.py
DEVELOPMENT = $(PYTHON) deploy/bootstrap.py --development

.PHONY: run test soak bench lint format shell messages clean help

run: ## start everything and say where it is; Ctrl-C stops it
	@$(IN_ENVIRONMENT) deploy.supervisor --with-parent

test: ## every test, browser journeys included
	@$(DEVELOPMENT) deploy.testing test $(ARGS)

soak: ## kills, long races and statistics
	@$(DEVELOPMENT) deploy.testing soak $(ARGS)

bench: ## speed and size against the goals
	@$(DEVELOPMENT) deploy.testing bench $(ARGS)

lint: ## format, rules, types, direction of imports, migrations, settings
	@$(DEVELOPMENT) deploy.testing lint

format: ## format the code as lint wants it
	@$(DEVELOPMENT) ruff format .

shell: ## Python with the application loaded
	@$(IN_ENVIRONMENT) manage shell

messages: ## say which texts lack a translation
	@$(DEVELOPMENT) manage messages

clean: ## remove packages, data and caches of this folder
	@$(PYTHON) deploy/clean.py

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' Makefile
